// Arguments to mailboxes: exact names, patterns, either separator, users; and message files of a directory.
#include <fmt/format.h>

#include <algorithm>

#include "format/base/file.h"
#include "format/mailbox/message_file.h"
#include "format/store/message_files.h"
#include "format/store/select.h"
#include "tests/support/check.h"
#include "tests/support/temp_dir.h"
#include "tests/support/temp_store.h"

using namespace cyr;

namespace {

std::vector<std::string> names_of(store::Store& store, const std::vector<std::string>& arguments,
                                  store::SelectOptions options = {}) {
  const auto selection = store::select_mailboxes(store, arguments, options);
  REQUIRE_OK(selection);
  CHECK(selection->unreadable.empty());
  std::vector<std::string> out;
  for (const auto& entry : selection->entries) {
    out.push_back(entry.name);
  }
  return out;
}

}  // namespace

TEST_CASE("names, patterns and users select what Cyrus selects", "[select]") {
  const test::TempStore temp("default");
  const auto store = store::Store::open(read_only_io(), temp.conf());
  REQUIRE_OK(store);
  CHECK(names_of(**store, {"user/bovik"}) == std::vector<std::string>{"user.bovik"});
  CHECK(names_of(**store, {"user.bovik"}) == std::vector<std::string>{"user.bovik"});
  CHECK(names_of(**store, {"user/harry.q.bovik"}) == std::vector<std::string>{"user.harry^q^bovik"});
  const auto users = names_of(**store, {"user/%"});
  CHECK(users.size() == 9);
  CHECK(names_of(**store, {"user/bovik/Work"}, {.recursive = true, .users = false}).size() > 2);
  const auto whole = names_of(**store, {"fred"}, {.recursive = false, .users = true});
  CHECK(std::find(whole.begin(), whole.end(), "user.fred") != whole.end());
  CHECK(std::any_of(whole.begin(), whole.end(),
                    [](const std::string& name) { return name.starts_with("DELETED.user.fred."); }));
  CHECK(names_of(**store, {}).size() == 166);
}

TEST_CASE("what matches nothing is named", "[select]") {
  const test::TempStore temp("classic");
  const auto store = store::Store::open(read_only_io(), temp.conf());
  REQUIRE_OK(store);
  CHECK(names_of(**store, {"user/bovik"}) == std::vector<std::string>{"user.bovik"});
  const auto selection = store::select_mailboxes(**store, {"user.bovik", "user.nobody", "none.*"}, {});
  REQUIRE_OK(selection);
  CHECK(selection->unmatched == std::vector<std::string>{"user.nobody", "none.*"});
  CHECK(selection->entries.size() == 1);
}

TEST_CASE("the files of a mailbox are sorted by UID, odd ones named", "[files]") {
  const test::TempStore temp("default");
  temp.damage("messages-extra", "user_bovik");
  const auto store = store::Store::open(read_only_io(), temp.conf());
  REQUIRE_OK(store);
  const auto selection = store::select_mailboxes(**store, {"user/bovik"}, {});
  REQUIRE_OK(selection);
  const auto files = (*store)->files(selection->entries.front());
  REQUIRE_OK(files);
  const auto listing = store::list_message_files(read_only_io(), *files, store::StatFiles::yes);
  REQUIRE_OK(listing);
  CHECK(std::is_sorted(listing->messages.begin(), listing->messages.end(),
                       [](const auto& a, const auto& b) { return a.uid < b.uid; }));
  CHECK(listing->messages.size() == 116);
  REQUIRE(listing->odd.size() == 1);
  CHECK(listing->odd.front().filename() == "notes.txt");
  REQUIRE(listing->misnamed.size() == 1);
  CHECK(listing->misnamed.front().filename() == "0116.");
}

TEST_CASE("several threads list a large directory as one does", "[files]") {
  test::keep_temporary_files_in_memory();
  const test::TempDir temp;
  store::MailboxFiles files;
  files.data = files.archive = temp.path();
  constexpr std::uint32_t count = 20000;
  for (std::uint32_t uid = 1; uid <= count; ++uid) {
    const std::string name = uid % 1000 == 0 ? fmt::format("odd{}", uid) : mailbox::message_file_name(uid);
    File file = File::open(posix_io(), temp / name, {.write = true, .create = true}).value();
    REQUIRE_OK(file.truncate(uid % 7));
  }
  const auto one = store::list_message_files(read_only_io(), files, store::StatFiles::yes, 1);
  const auto several = store::list_message_files(read_only_io(), files, store::StatFiles::yes, 2);
  REQUIRE_OK(one);
  REQUIRE_OK(several);
  REQUIRE(several->messages.size() == count - count / 1000);
  CHECK(several->odd == one->odd);
  CHECK(several->odd.size() == count / 1000);
  CHECK(std::all_of(several->messages.begin(), several->messages.end(), [](const store::MessageFile& file) {
    return file.size == file.uid % 7 && file.mtime != 0;
  }));
  CHECK(std::equal(one->messages.begin(), one->messages.end(), several->messages.begin(),
                   several->messages.end(),
                   [](const auto& a, const auto& b) { return a.uid == b.uid && a.mtime == b.mtime; }));
}

// Operations on messages. The files that must come out are those that the real 3.6.1 wrote for the same
// operation at the same second: CRC-32 of cyrus.index, cyrus.cache and cyrus.header, quota record, number of
// message files.
#include <fmt/format.h>

#include <set>

#include "format/base/crc32.h"
#include "format/store/mailbox_edit.h"
#include "format/store/remove_mailbox.h"
#include "format/store/select.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"
#include "tests/support/tree.h"
#include "tests/unit/store/bench.h"

using namespace cyr;
using store::MailboxEdit;
using store::NumberedRecord;
using test::Bench;

namespace {

// ipurge -f -b 10000 user/bovik
void expunge_large(MailboxEdit& edit) {
  REQUIRE_OK(edit.for_each([&](const NumberedRecord& at) -> Status {
    return at.record.has(mailbox::flag::expunged) || at.record.size <= 10000 ? success() : edit.expunge(at);
  }));
  REQUIRE_OK(edit.commit());
}

std::vector<NumberedRecord> records(MailboxEdit& edit, const std::set<std::uint32_t>& uids) {
  std::vector<NumberedRecord> out;
  REQUIRE_OK(edit.for_each([&](const NumberedRecord& at) -> Status {
    if (uids.contains(at.record.uid)) {
      out.push_back(at);
    }
    return success();
  }));
  return out;
}

}  // namespace

TEST_CASE("expunge writes what Cyrus writes, in every expunge_mode") {
  struct Golden {
    const char* mode;
    std::int64_t now;
    const char* index;
    const char* cache;
    std::size_t messages;
  };
  const auto golden = GENERATE(Golden{"delayed", 1795658779, "b7268355", "7b36c7a9", 113},
                               Golden{"semidelayed", 1795658927, "561a1975", "7b36c7a9", 102},
                               Golden{"immediate", 1795658848, nullptr, "70b63cbf", 102});
  CAPTURE(golden.mode);
  Bench bench("default", golden.mode);
  const auto edit = bench.open("user/bovik", golden.now);
  expunge_large(*edit);
  CHECK_FALSE(edit->postponed());
  if (golden.index != nullptr) {  // Cyrus took two looks at the clock there
    CHECK(bench.crc(edit->files().index) == golden.index);
  }
  CHECK(bench.crc(edit->files().cache) == golden.cache);
  CHECK(bench.crc(edit->files().header) == "e6565061");
  CHECK(bench.messages(*edit) == golden.messages);
  CHECK(bench.quota("bovik") == "%(S (466294 50000) M (102 9000) AS (96 100) NF (29 60) MODSEQ 216)\n");
}

TEST_CASE("unexpunge appends a copy under the next UID, as Cyrus does") {
  Bench bench("default");
  const auto edit = bench.open("user/bovik", 1795659009);
  const auto flag = edit->user_flag("Rescued");
  REQUIRE_OK(flag);
  for (const auto& at : records(*edit, {4, 5})) {
    const auto fits = edit->fits_quota(at);
    REQUIRE_OK(fits);
    CHECK(*fits);
    REQUIRE_OK(edit->restore(at, {.undelete = true, .user_flag = *flag}));
  }
  REQUIRE_OK(edit->commit());
  CHECK(bench.crc(edit->files().index) == "85acdbf0");
  CHECK(bench.crc(edit->files().cache) == "7b36c7a9");
  CHECK(bench.crc(edit->files().header) == "643c8e7b");
  CHECK(bench.messages(*edit) == 113);
  CHECK(bench.quota("bovik") == "%(S (1194891 50000) M (115 9000) AS (105 100) NF (29 60) MODSEQ 216)\n");
}

TEST_CASE("a message restored under its own UID is live again in its own record") {
  Bench bench("default");
  auto edit = bench.open("user/bovik", 1795659009);
  for (const auto& at : records(*edit, {4})) {
    const auto uid = edit->restore(at, {.keep_uid = true});
    REQUIRE_OK(uid);
    CHECK(*uid == 4);
  }
  REQUIRE_OK(edit->commit());
  edit.reset();  // and its locks
  const auto again = bench.open("user/bovik", 1795659010);
  CHECK(again->index().exists == 81);
  CHECK(again->index().num_records == 113);
  CHECK(again->index().highestmodseq == 170);
  const auto record = records(*again, {4}).at(0).record;
  CHECK_FALSE(record.has(mailbox::flag::expunged));
  CHECK(record.modseq == 170);
}

TEST_CASE("erasing expunged messages repacks index and caches as Cyrus does") {
  Bench bench("default");
  const auto edit = bench.open("user/bovik", 1795659067);
  const auto erased = edit->erase_expunged(1795659067);
  REQUIRE_OK(erased);
  CHECK(*erased == 33);
  REQUIRE_OK(edit->commit());
  CHECK(bench.crc(edit->files().index) == "813a3d1f");
  CHECK(bench.crc(edit->files().cache) == "3c622006");
  CHECK(bench.messages(*edit) == 80);
  const auto annotations = store::read_message_annotations(*bench.store, edit->files());
  REQUIRE_OK(annotations);
  CHECK(annotations->size() == 1);  // those of erased messages are gone
}

TEST_CASE("unused user flags leave the header as Cyrus leaves it; expunged records lose them too") {
  Bench bench("default");
  const auto edit = bench.open("user/ted/Work/2003", 1795659100);
  for (std::size_t bit = 0; bit < 4; ++bit) {
    REQUIRE_OK(edit->remove_user_flag(bit));
  }
  REQUIRE_OK(edit->commit());
  CHECK(bench.crc(edit->files().header) == "c799c7f3");
}

TEST_CASE("archived messages move with their cache records as with Cyrus") {
  Bench bench("modern");
  const auto edit = bench.open("user/wes", 1795659175);
  REQUIRE_OK(edit->for_each([&](const NumberedRecord& at) { return edit->archive(at); }));
  REQUIRE_OK(edit->commit());
  CHECK(bench.crc(edit->files().index) == "4306c9cf");
  CHECK(bench.crc(edit->files().archive_cache) == "cbb789c1");
  CHECK(bench.crc(edit->files().cache) == "none");
  CHECK(bench.messages(*edit) == 0);
}

TEST_CASE("a dry run of every operation changes nothing") {
  Bench bench("default", "delayed", read_only_io());
  const auto before = test::read_tree(bench.temp.root());
  const auto edit = bench.open("user/bovik", 1795659009);
  REQUIRE_OK(edit->user_flag("Rescued"));
  for (const auto& at : records(*edit, {4, 5})) {
    REQUIRE_OK(edit->restore(at, {}));
  }
  expunge_large(*edit);
  REQUIRE_OK(edit->erase_expunged(1795659009));
  REQUIRE_OK(edit->commit());
  REQUIRE_OK(store::remove_mailbox(*bench.store, bench.entry("user/tjs"), bench.locks));
  CHECK(test::read_tree(bench.temp.root()) == before);
}

TEST_CASE("beside an open session files and records stay until it ends") {
  Bench bench("default", "immediate");
  auto files = bench.store->files(bench.entry("user/bovik"));
  REQUIRE_OK(files);
  REQUIRE_OK(posix_io().make_directories(files->name_lock.parent_path(), 0755));
  auto session = open_locked(posix_io(), files->name_lock, LockMode::shared, LockWait::block,
                             {.write = true, .create = true});
  REQUIRE_OK(session);
  auto edit = bench.open("user/bovik", 1795658848);
  expunge_large(*edit);
  CHECK(edit->postponed());
  CHECK(bench.messages(*edit) == 113);
  CHECK((edit->index().options & mailbox::option::needs_repack) != 0);
  REQUIRE_OK(session->close());
  edit.reset();
  const auto later = bench.open("user/bovik", 1795658850);
  REQUIRE_OK(later->commit());
  CHECK(bench.messages(*later) == 102);
  CHECK(later->index().exists == 69);
}

TEST_CASE("no quota, no restore; a damaged record, no operation at all") {
  Bench bench("default");
  const auto quota = bench.temp / "config/quota/b/user.bovik";
  test::write_text(quota, "%(S (1192398 1165) M (113 9000) AS (105 100) NF (29 60) MODSEQ 215)\n");
  auto edit = bench.open("user/bovik", 1795659009);
  const auto four = records(*edit, {4});
  const auto fits = edit->fits_quota(four.at(0));
  REQUIRE_OK(fits);
  CHECK_FALSE(*fits);
  const fs::path index = edit->files().index;
  edit.reset();
  std::string bytes = test::read_text(index);
  bytes.at(160 + 112 * 7 + 20) ^= 1;
  test::write_text(index, bytes);
  edit = bench.open("user/bovik", 1795659009);
  const auto erased = edit->erase_expunged(1795659009);
  REQUIRE_FALSE(erased);
  CHECK(erased.error().code == Errc::corrupt);
  CHECK_FALSE(erased.error().hint.empty());
}

TEST_CASE("a removed mailbox leaves nothing but its neighbours") {
  const auto* const store_name = GENERATE("default", "classic", "virt");
  CAPTURE(store_name);
  Bench bench(store_name);
  std::vector<meta::MailboxEntry> deleted;
  auto all = store::select_mailboxes(*bench.store, {}, {});
  REQUIRE_OK(all);
  for (const auto& entry : all->entries) {
    if (entry.name.find("DELETED.") != std::string::npos) {
      deleted.push_back(entry);
    }
  }
  REQUIRE(deleted.size() > 5);
  for (const auto& entry : deleted) {
    REQUIRE_OK(store::remove_mailbox(*bench.store, entry, bench.locks));
    const auto files = bench.store->files(entry);
    REQUIRE_OK(files);
    CHECK_FALSE(posix_io().exists(files->header).value());
    CHECK_FALSE(posix_io().exists(files->data).value());
  }
  all = store::select_mailboxes(*bench.store, {}, {});
  REQUIRE_OK(all);
  for (const auto& entry : all->entries) {
    CHECK(entry.name.find("DELETED.") == std::string::npos);
    CHECK(posix_io().exists(bench.store->files(entry).value().header).value());
  }
}

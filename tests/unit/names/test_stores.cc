// The path rules against every real store: each mailbox that the release's own tools list has its directory
// where the rule says, and each directory with a cyrus.header belongs by the reverse rule to a mailbox that
// is listed.
#include <algorithm>
#include <boost/filesystem/operations.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "format/base/text.h"
#include "format/names/paths.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"

using namespace cyr;
using namespace cyr::names;

namespace {

conf::Release release_of(const std::string& store) {
  constexpr std::string_view old = "old-";
  if (store.compare(0, old.size(), old) != 0) {
    return conf::v3_6;
  }
  return conf::Release::parse(std::string_view(store).substr(old.size())).value();
}

// Listed mailboxes of 3.6 and later: JSON with partition, type letters and unique id.
void add_json(std::vector<MailboxPlace>& places, const std::string& text, const Namespace& ns) {
  const auto listing = nlohmann::json::parse(text);
  for (const auto& [key, entry] : listing.items()) {
    const std::string type = entry.value("mbtype", "e");
    if (type.find_first_of("dir") != std::string::npos || !entry.contains("partition")) {
      continue;
    }
    auto name = MailboxName::from_internal(key, ns);
    REQUIRE_OK(name);
    CHECK(name->to_internal(ns) == key);
    CHECK(MailboxName::from_dbname(name->to_dbname(ns), ns).value() == *name);
    places.push_back({entry.at("partition"), *name, entry.at("uniqueid"),
                      type.find('l') != std::string::npos ? Layout::by_name : Layout::by_id});
  }
}

// Up to 3.4: "name TAB [type SP] partition SP-or-TAB acl".
void add_text(std::vector<MailboxPlace>& places, const std::string& text, const Namespace& ns) {
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = split(line, '\t');
    if (fields.size() < 2 || line.front() == '$' || line.front() == '#') {
      continue;
    }
    std::string_view partition = fields[1];
    if (is_digit(partition.front())) {
      const auto words = split(partition, ' ');
      REQUIRE(words.size() >= 2);
      if (words[0] != "0" && words[1] == "(null)") {
        continue;  // a tombstone
      }
      partition = words[1];
    }
    auto name = MailboxName::from_internal(fields[0], ns);
    REQUIRE_OK(name);
    CHECK(name->to_internal(ns) == fields[0]);
    places.push_back({std::string(partition), *name, {}, Layout::by_name});
  }
}

std::set<std::string> directories_with_header(const Paths& paths) {
  std::set<std::string> out;
  for (const std::string& partition : paths.partitions().names()) {
    for (const fs::path& root : paths.partitions().all_roots(partition)) {
      if (!boost::filesystem::exists(root)) {
        continue;
      }
      for (const auto& entry : boost::filesystem::recursive_directory_iterator(root)) {
        if (entry.path().filename() == "cyrus.header") {
          out.insert(entry.path().parent_path().string());
        }
      }
    }
  }
  return out;
}

// Every listed mailbox is found; how many by name and by id.
std::pair<std::size_t, std::size_t> check_mailboxes(const test::TempStore& store, const Paths& paths) {
  std::vector<MailboxPlace> places;
  const std::string listing = store.golden("intact/ctl_mboxlist-d.txt");
  if (listing.front() == '{') {
    add_json(places, listing, paths.name_space());
  } else {
    add_text(places, listing, paths.name_space());
  }
  std::set<std::string> headers = directories_with_header(paths);
  std::size_t by_name = 0;
  for (const MailboxPlace& place : places) {
    const auto header = paths.meta_file(place, conf::RootKind::header);
    REQUIRE_OK(header);
    INFO(header->string());
    REQUIRE(headers.erase(header->parent_path().string()) == 1);
    CHECK(boost::filesystem::exists(paths.meta_file(place, conf::RootKind::index).value()));
    const auto back = paths.identify(header->parent_path());
    REQUIRE(back.has_value());
    CHECK(back->partition == place.partition);
    CHECK(back->identity.layout == place.layout);
    if (place.layout == Layout::by_name) {
      CHECK(back->identity.name == place.name);
      ++by_name;
    } else {
      CHECK(back->identity.uniqueid == place.uniqueid);
    }
  }
  CHECK(headers.empty());  // none is left over
  return {by_name, places.size() - by_name};
}

// Every per-user file is where the rule puts it for the id in its name.
std::size_t check_user_files(const Paths& paths) {
  std::size_t files = 0;
  for (const auto& entry : boost::filesystem::recursive_directory_iterator(paths.config_directory())) {
    const std::string file = entry.path().filename().string();
    const std::string suffix = entry.path().extension().string();
    const auto above = entry.path().parent_path().parent_path();
    const bool user_file = above.filename() == "user" || file.compare(0, 7, "shared.") == 0;
    if (!user_file ||
        (suffix != ".sub" && suffix != ".seen" && suffix != ".conversations" && suffix != ".counters")) {
      continue;
    }
    UserId user{file.substr(0, file.size() - suffix.size()), {}};
    if (user.localpart == "shared") {
      user.localpart.clear();
    } else if (above.parent_path() != paths.config_directory()) {
      user.domain = above.parent_path().filename().string();
    }
    if (paths.name_space().release < conf::v3_0) {
      std::replace(user.localpart.begin(), user.localpart.end(), '^', '.');
    }
    CHECK(paths.user_file_by_name(user, suffix.substr(1)).value() == entry.path());
    ++files;
  }
  return files;
}

// So is every quota file.
std::size_t check_quota_files(const Paths& paths) {
  std::size_t files = 0;
  for (const auto& entry : boost::filesystem::recursive_directory_iterator(paths.config_directory())) {
    const auto quota = entry.path().parent_path().parent_path();
    if (quota.filename() != "quota" || !boost::filesystem::is_regular_file(entry.path())) {
      continue;
    }
    std::string root = entry.path().filename().string();
    if (quota.parent_path() != paths.config_directory()) {
      root = quota.parent_path().filename().string() + '!' + root;
    }
    CHECK(paths.quota_file(root).value() == entry.path());
    ++files;
  }
  return files;
}

}  // namespace

TEST_CASE(
    "paths: every file of every store lies where the rules say, and no mailbox directory is left over") {
  // Store, mailboxes by name, by id; counted with find(1) over cyrus.header.
  const std::vector<std::string> expected{
      "classic 172 0",
      "default 0 166",
      "modern 0 166",
      "old-2.1.12-classic 121 0",
      "old-2.2.13-classic 121 0",
      "old-2.3.20-classic 136 0",
      "old-2.4.22-default 145 0",
      "old-2.5.17-skiplist 145 0",
      "old-3.0.18-default 142 0",
      "old-3.10.3-classic 169 0",
      "old-3.12.3-default 0 163",
      "old-3.2.12-virt 142 0",
      "old-3.8.6-modern 0 163",
      "skiplist 166 0",
      "versions 0 166",
      "virt 166 0",
  };
  std::vector<std::string> counted;
  std::size_t user_files = 0;
  std::size_t quota_files = 0;
  for (const std::string& name : test::all_stores()) {
    INFO(name);
    const test::TempStore store(name);
    const auto config = conf::Config::load(posix_io(), store.conf(), {.release = release_of(name)});
    REQUIRE_OK(config);
    const auto paths = Paths::from_config(*config);
    REQUIRE_OK(paths);
    const auto [by_name, by_id] = check_mailboxes(store, *paths);
    counted.push_back(name + ' ' + std::to_string(by_name) + ' ' + std::to_string(by_id));
    user_files += check_user_files(*paths);
    quota_files += check_quota_files(*paths);
  }
  std::sort(counted.begin(), counted.end());
  CHECK(counted == expected);
  CHECK(user_files == 210);
  CHECK(quota_files == 155);
}

// Every record that eleven releases of real Cyrus wrote into mailboxes.db, the quota databases and seen.db is
// read and written again byte for byte. One pass over the stores, since unpacking them is what takes the
// time.
#include <algorithm>
#include <map>

#include "format/base/io.h"
#include "format/meta/mailbox_list.h"
#include "format/meta/quota.h"
#include "format/meta/seen.h"
#include "format/text/sequence_set.h"
#include "tests/support/check.h"
#include "tests/unit/meta/golden_records.h"
#include "tests/unit/meta/memory_database.h"

using namespace cyr;
using namespace cyr::meta;

namespace {

const std::map<std::string, ListFormat>& format_of_store() {
  static const std::map<std::string, ListFormat> formats{
      {"old-2.1.12-classic", ListFormat::text},      {"old-2.2.13-classic", ListFormat::text},
      {"old-2.3.20-classic", ListFormat::text},      {"old-2.4.22-default", ListFormat::text},
      {"old-2.5.17-skiplist", ListFormat::dlist_25}, {"old-3.0.18-default", ListFormat::dlist_30},
      {"old-3.2.12-virt", ListFormat::dlist_32},     {"old-3.12.3-default", ListFormat::keyed_312},
  };
  return formats;
}

ListFormat expected_format(const std::string& store) {
  const auto found = format_of_store().find(store);
  return found == format_of_store().end() ? ListFormat::keyed_36 : found->second;
}

// Decodes and encodes one record; true if it is a record with an entry in it.
bool check_list_record(const std::string& key, const std::string& value, ListFormat format) {
  const ListKey parsed = parse_list_key(key, format);
  INFO(key << " => " << value);
  REQUIRE(parsed.kind != KeyKind::unknown);
  if (parsed.kind == KeyKind::mailbox) {
    CHECK(name_key(parsed.name, format) == key);
    const auto entry = decode_entry(parsed.name, value);
    REQUIRE_OK(entry);
    CHECK(encode_entry(*entry, format) == value);
    return true;
  }
  if (parsed.kind == KeyKind::uniqueid) {
    CHECK(uniqueid_key(parsed.name) == key);
    const auto entry = decode_uniqueid_record(parsed.name, value);
    REQUIRE_OK(entry);
    CHECK(encode_uniqueid_record(*entry, format) == value);
    return true;
  }
  CHECK(value.empty());
  return false;
}

// The value inside a quotalegacy file: without the LF at the end, the first LF of the old form as a space.
std::string value_of_file(std::string text) {
  REQUIRE(text.ends_with('\n'));
  text.pop_back();
  if (!text.starts_with('%')) {
    std::replace(text.begin(), text.end(), '\n', ' ');
  }
  return text;
}

void collect_files(const fs::path& folder, std::vector<fs::path>& files) {
  const auto entries = posix_io().list(folder);
  REQUIRE_OK(entries);
  for (const auto& entry : *entries) {
    if (entry.kind == FileKind::directory) {
      collect_files(folder / entry.name, files);
    } else if (folder.parent_path().filename() == "quota") {
      files.push_back(folder / entry.name);
    }
  }
}

void check_quota_record(const std::string& name, const std::string& value) {
  INFO(name << " => " << value);
  const auto root = decode_quota(name, value);
  REQUIRE_OK(root);
  CHECK(root->name == name);
  CHECK(encode_quota(*root) == value);
}

struct Checked {
  std::size_t list = 0;
  std::size_t quota = 0;
  std::size_t seen = 0;
};

// A record is the same whether it is read in place or, for a space that only the loose reader takes, as a
// tree.
void check_both_readers(const std::string& name, const std::string& value) {
  if (!value.starts_with("%(T") && !value.starts_with("%(A") && !value.starts_with("%(I")) {
    return;
  }
  std::string spaced = value;
  spaced.insert(2, " ");
  const auto entry = decode_entry(name, value);
  const auto other = decode_entry(name, spaced);
  REQUIRE(entry.has_value() == other.has_value());
  if (entry) {
    CHECK(*entry == *other);
    CHECK(decode_entry_type(value).value() == entry->type);
    CHECK(decode_entry_type(spaced).value() == entry->type);
  }
}

void check_mailbox_list(const test::TempStore& store, Checked& checked) {
  const auto listings = test::golden_listings(store, "config%mailboxes.db.");
  REQUIRE(listings.size() == 1);
  const auto records = std::make_shared<test::RecordMap>();
  for (const auto& [key, value] : listings[0].second) {
    checked.list += check_list_record(key, value, expected_format(store.name())) ? 1 : 0;
    check_both_readers(key, value);
    records->emplace(key, value);
  }
  const auto found = detect_list_format(*test::memory_database(records));
  REQUIRE_OK(found);
  CHECK(*found == expected_format(store.name()));
}

void check_quotas(const test::TempStore& store, Checked& checked) {
  std::vector<fs::path> files;
  collect_files(store / "config", files);
  for (const auto& file : files) {
    check_quota_record(file.filename().string(), value_of_file(test::read_text(file)));
    ++checked.quota;
  }
  for (const auto& [listing, records] : test::golden_listings(store, "config%quotas.db.")) {
    for (const auto& [key, value] : records) {
      check_quota_record(key, value);
      ++checked.quota;
    }
  }
}

void check_seen(const test::TempStore& store, Checked& checked) {
  for (const auto& [listing, records] : test::golden_listings(store, "seen.")) {
    for (const auto& [key, value] : records) {
      INFO(listing << ": " << key << " => " << value);
      const auto record = decode_seen(value);
      REQUIRE_OK(record);
      CHECK(encode_seen(*record) == value);
      CHECK(text::SequenceSet::parse(record->uids).has_value());
      ++checked.seen;
    }
  }
}

}  // namespace

TEST_CASE("records of every release are read and written byte for byte") {
  Checked checked;
  for (const auto& name : test::all_stores()) {
    INFO(name);
    const test::TempStore store(name);
    check_mailbox_list(store, checked);
    check_quotas(store, checked);
    check_seen(store, checked);
  }
  CHECK(checked.list > 4000);
  CHECK(checked.quota >= 16 * 12);
  CHECK(checked.seen > 200);
}

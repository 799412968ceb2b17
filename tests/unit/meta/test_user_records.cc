// Seen state, subscriptions and counters against the files of real stores.
#include <algorithm>

#include "format/base/io.h"
#include "format/meta/counters.h"
#include "format/meta/seen.h"
#include "format/meta/subscriptions.h"
#include "tests/support/check.h"
#include "tests/unit/meta/golden_records.h"
#include "tests/unit/meta/memory_database.h"

using namespace cyr;
using namespace cyr::meta;

TEST_CASE("seen records that are none, and merging two") {
  for (const char* bad : {"", "2 1 1 1 1", "1", "1 x 1 1 1", "1 1 -1 1 1", "1 1 1"}) {
    INFO(bad);
    CHECK_FALSE(decode_seen(bad).has_value());
  }
  CHECK(decode_seen("1 5 6 7 ")->uids.empty());
  const auto merged = merge_seen({10, 5, 30, "1:3,7"}, {20, 4, 25, "4,9"});
  REQUIRE_OK(merged);
  CHECK(*merged == SeenRecord{20, 5, 30, "1:4,7,9"});
}

TEST_CASE("lines of cyrus.seen") {
  const auto line = decode_seen_line("bovik\t100 5 200 1:3,5                              \n");
  REQUIRE_OK(line);
  CHECK(line->userid == "bovik");
  CHECK(line->record == SeenRecord{100, 5, 200, "1:3,5"});
  const auto oldest = decode_seen_line("bovik\t100 5 1:3\n");
  REQUIRE_OK(oldest);
  CHECK(oldest->record == SeenRecord{100, 5, 0, "1:3"});
  CHECK_FALSE(decode_seen_line("bovik 100 5").has_value());
  CHECK_FALSE(decode_seen_line("bovik\tx 5").has_value());
}

namespace {

// A user's golden subscription listing and the version its release writes.
void check_subscriptions(const std::string& store_name, const std::string& user,
                         SubscriptionVersion version) {
  const test::TempStore store(store_name);
  const auto listings = test::golden_listings(store, user + ".sub.");
  REQUIRE(listings.size() == 1);
  const auto records = std::make_shared<test::RecordMap>();
  for (const auto& [key, value] : listings[0].second) {
    records->emplace(key, value);
  }
  const auto database = test::memory_database(records);
  const std::string inbox = "user." + user;
  const auto read = read_subscriptions(*database, inbox);
  REQUIRE_OK(read);
  CHECK(read->version == version);
  CHECK(read->bad_keys.empty());
  CHECK(std::find(read->mailboxes.begin(), read->mailboxes.end(), inbox) != read->mailboxes.end());
  for (const auto& mailbox : read->mailboxes) {
    CHECK(records->count(encode_subscription_key(mailbox, version, inbox)) == 1);
  }
  REQUIRE_OK(subscribe(*database, "user." + user + ".new", inbox, true));
  CHECK(records->size() == listings[0].second.size() + 1);
  REQUIRE_OK(subscribe(*database, "user." + user + ".new", inbox, false));
  CHECK(records->size() == listings[0].second.size());
}

}  // namespace

TEST_CASE("subscriptions of versions 0 and 2") {
  check_subscriptions("old-2.3.20-classic", "bovik", SubscriptionVersion::v0);
  check_subscriptions("old-3.0.18-default", "fred", SubscriptionVersion::v0);
  check_subscriptions("classic", "bovik", SubscriptionVersion::v2);
}

TEST_CASE("subscriptions of version 3 replace whole components only") {
  const test::TempStore store("old-3.12.3-default");
  std::size_t files = 0;
  for (const auto& [listing, listed] : test::golden_listings(store, "%sub.db.")) {
    const auto records = std::make_shared<test::RecordMap>();
    for (const auto& [key, value] : listed) {
      records->emplace(key, value);
    }
    const auto read = read_subscriptions(*test::memory_database(records), "user.matt");
    REQUIRE_OK(read);
    CHECK(read->version == SubscriptionVersion::v3);
    CHECK(read->bad_keys.empty());
    ++files;
  }
  CHECK(files > 4);
  CHECK(encode_subscription_key("user.matthew", SubscriptionVersion::v2, "user.matt") == "NINBOXhew");
  CHECK(*decode_subscription_key("NINBOXhew", SubscriptionVersion::v2, "user.matt") == "user.matthew");
  CHECK(encode_subscription_key("user.matthew", SubscriptionVersion::v3, "user.matt") == "Nuser\x1fmatthew");
  CHECK(*decode_subscription_key("NINBOXhew", SubscriptionVersion::v3, "user.matt") == "INBOXhew");
  CHECK(encode_subscription_key("user.matt.x", SubscriptionVersion::v3, "user.matt") == "NINBOX\x1fx");
  CHECK_FALSE(decode_subscription_key("Xfoo", SubscriptionVersion::v2, "user.matt").has_value());
}

namespace {

void collect_counters(const fs::path& folder, std::vector<fs::path>& files) {
  const auto entries = posix_io().list(folder);
  REQUIRE_OK(entries);
  for (const auto& entry : *entries) {
    if (entry.kind == FileKind::directory) {
      collect_counters(folder / entry.name, files);
    } else if (entry.name.ends_with("counters") || entry.name == "counters.db") {
      files.push_back(folder / entry.name);
    }
  }
}

}  // namespace

TEST_CASE("counters of real stores are read and written byte for byte") {
  std::size_t checked = 0;
  for (const char* name : {"modern", "old-3.8.6-modern"}) {
    const test::TempStore store(name);
    std::vector<fs::path> files;
    collect_counters(store / "config", files);
    for (const auto& file : files) {
      INFO(file.string());
      const std::string bytes = test::read_text(file);
      const auto counters = decode_counters(as_bytes(bytes));
      REQUIRE_OK(counters);
      CHECK(counters->version == 9);
      CHECK(counters->highestmodseq >= counters->mailmodseq);
      CHECK(std::string(as_text(encode_counters(*counters))) == bytes);
      ++checked;
      std::string flipped = bytes;
      flipped[20] = static_cast<char>(flipped[20] ^ 1);
      CHECK_FALSE(decode_counters(as_bytes(flipped)).has_value());
    }
  }
  CHECK(checked > 5);
  CHECK_FALSE(decode_counters(as_bytes(std::string(50, 'x'))).has_value());
  for (std::uint32_t version = 0; version < 10; ++version) {
    Counters counters;
    counters.version = version;
    counters.highestmodseq = 77;
    counters.uidvalidity = 99;
    const auto again = decode_counters(Bytes(encode_counters(counters)));
    REQUIRE_OK(again);
    CHECK(*again == counters);
  }
}

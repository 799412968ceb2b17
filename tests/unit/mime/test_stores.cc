// Every message of every real store: the index fields and the cache record that we derive are those the
// server wrote.
#include "format/mime/summary.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"
#include "tests/unit/mime/cache_difference.h"
#include "tests/unit/mime/local_zone.h"
#include "tests/unit/mime/store_messages.h"

using namespace cyr;

namespace {

struct Counts {
  std::size_t messages = 0;
  std::size_t identical = 0;
  std::string differences;  // of the first few that differ
  std::size_t shown = 0;
};

constexpr std::size_t kMostShown = 5;

// The fields of the index record that come from the message.
std::string field_difference(const mime::MessageSummary& ours, const test::StoredMessage& theirs,
                             unsigned version) {
  std::string out;
  const auto compare = [&](std::string_view name, std::uint64_t a, std::uint64_t b) {
    if (a != b) {
      out += std::string(name) + " ours " + std::to_string(a) + " theirs " + std::to_string(b) + "\n";
    }
  };
  const mailbox::IndexRecord& record = theirs.record;
  compare("size", ours.size, record.size);
  compare("header_size", ours.header_size, record.header_size);
  compare("cache_version", ours.cache_version, record.cache_version);
  // Without a usable date, releases before 2.4 take the time of delivery, which is not on record.
  if (ours.date_is_usable || version >= 12) {
    compare("sentdate", ours.sentdate, record.sentdate);
  }
  if (version >= 12) {
    compare("gmtime", ours.gmtime, record.gmtime);
    compare("cache_crc", ours.cache_crc, record.cache_crc);
    if (ours.guid != record.guid) {
      out += "guid " + ours.guid.hex() + " theirs " + record.guid.hex() + "\n";
    }
  }
  return out;
}

Counts compare_store(const std::string& name, const mime::CacheProfile& profile) {
  const test::LocalZone zone("UTC");
  const test::TempStore store(name);
  mime::ParseOptions options;
  options.profile = &profile;
  Counts counts;
  counts.messages = test::visit_messages(store.root(), [&](const test::StoredMessage& message) {
    const auto ours = mime::summarise(message.bytes, message.record.internaldate, options);
    const std::string difference = field_difference(ours, message, message.index_version) +
                                   test::cache_difference(ours.cache_record, message.cache_record);
    if (difference.empty()) {
      ++counts.identical;
    } else if (counts.shown++ < kMostShown) {
      counts.differences += message.place + "\n" + difference;
    }
  });
  WARN(name << ": " << counts.identical << " of " << counts.messages << " records identical");
  return counts;
}

}  // namespace

TEST_CASE("every record of the 3.6.1 stores follows from the message") {
  std::size_t messages = 0;
  for (const std::string& name : test::stores_of_3_6_1()) {
    const Counts counts = compare_store(name, mime::cache_profile(mime::Series::v3_6));
    INFO(counts.differences);
    CHECK(counts.identical == counts.messages);
    messages += counts.messages;
  }
  CHECK(messages == 8350);
}

// 2.1.12 unfolds strings with an overlapping copy: folded Subjects in its store are garbled, differently from
// run to run.
constexpr std::size_t kGarbledIn2_1 = 19;

TEST_CASE("every record of the stores of other releases follows from the message") {
  struct Row {
    const char* store;
    mime::Series series;
    std::size_t differing;
  };
  for (const Row& row : {
           Row{"old-2.1.12-classic", mime::Series::v2_1, kGarbledIn2_1},
           Row{"old-2.2.13-classic", mime::Series::v2_2, 0},
           Row{"old-2.3.20-classic", mime::Series::v2_3, 0},
           Row{"old-2.4.22-default", mime::Series::v2_4, 0},
           Row{"old-2.5.17-skiplist", mime::Series::v2_5, 0},
           Row{"old-3.0.18-default", mime::Series::v3_0, 0},
           Row{"old-3.2.12-virt", mime::Series::v3_2, 0},
           Row{"old-3.8.6-modern", mime::Series::v3_6, 0},
           Row{"old-3.10.3-classic", mime::Series::v3_6, 0},
           Row{"old-3.12.3-default", mime::Series::v3_12, 0},
       }) {
    const Counts counts = compare_store(row.store, mime::cache_profile(row.series));
    INFO(row.store << "\n" << counts.differences);
    CHECK(counts.messages - counts.identical == row.differing);
    CHECK(counts.messages > 500);
  }
}

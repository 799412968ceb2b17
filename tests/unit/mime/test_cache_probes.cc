// Short, mostly malformed messages with the records of Cyrus 3.6.1 (tests/data/cache-probes.md), under
// default and under other options.
#include <sstream>

#include "format/mime/summary.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"
#include "tests/unit/mime/cache_difference.h"
#include "tests/unit/mime/local_zone.h"

using namespace cyr;

namespace {

struct Probe {
  unsigned number = 0;
  std::string kind;
  std::size_t message_size = 0;
  std::size_t record_size = 0;
  std::uint32_t header_size = 0;
  std::uint32_t sentdate = 0;
  std::uint32_t gmtime = 0;
};

std::vector<Probe> read_index(const fs::path& file) {
  std::vector<Probe> probes;
  std::istringstream in(test::read_text(file));
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') {
      continue;
    }
    Probe probe;
    std::istringstream(line) >> probe.number >> probe.kind >> probe.message_size >> probe.record_size >>
        probe.header_size >> probe.sentdate >> probe.gmtime;
    probes.push_back(probe);
  }
  return probes;
}

void compare_probes(const std::string& prefix, const mime::ParseOptions& options, std::size_t expected) {
  const test::LocalZone zone("UTC");
  const test::TempDir directory;
  test::unpack_archive(test::data_file("cache-probes.tar.zst"), directory.path());
  const fs::path top = directory / "cache-probes";
  const std::vector<Probe> probes = read_index(top / (prefix + "index.txt"));
  const std::string messages = test::read_text(top / (prefix + "messages"));
  const std::string records = test::read_text(top / (prefix + "records"));
  REQUIRE(probes.size() == expected);
  std::size_t message_at = 0;
  std::size_t record_at = 0;
  for (const Probe& probe : probes) {
    const std::string_view message = std::string_view(messages).substr(message_at, probe.message_size);
    const std::string_view record = std::string_view(records).substr(record_at, probe.record_size);
    message_at += probe.message_size;
    record_at += probe.record_size;
    const mime::MessageSummary summary = mime::summarise(message, test::cached_internaldate, options);
    INFO(prefix << probe.number << " " << probe.kind << "\n" << message);
    CHECK(test::cache_difference(summary.cache_record, record) == "");
    CHECK(summary.header_size == probe.header_size);
    CHECK(summary.sentdate == probe.sentdate);
    CHECK(summary.gmtime == probe.gmtime);
  }
  CHECK(message_at == messages.size());
  CHECK(record_at == records.size());
}

}  // namespace

TEST_CASE("malformed messages give the records that Cyrus 3.6.1 wrote") { compare_probes("", {}, 1343); }

TEST_CASE("maxheaderlines, boundary_limit, rfc2046_strict and rfc2047_utf8 work as in Cyrus 3.6.1") {
  mime::ParseOptions options;
  options.max_header_lines = 4;
  options.boundary_limit = 3;
  options.rfc2046_strict = true;
  options.rfc2047_utf8 = true;
  compare_probes("options-", options, 393);
}

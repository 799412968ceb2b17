// 99 messages, mostly malformed, with the cache record that Cyrus 3.6.1 wrote for each
// (tests/data/cache-vectors.md).
#include <boost/filesystem/operations.hpp>
#include <nlohmann/json.hpp>

#include "format/mime/summary.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"
#include "tests/unit/mime/cache_difference.h"
#include "tests/unit/mime/local_zone.h"

using namespace cyr;

namespace {

constexpr unsigned kVectors = 99;
// The directory is unpacked once per test program.
const fs::path& vectors() {
  static const test::TempDir directory;
  static const fs::path path = [] {
    test::unpack_archive(test::data_file("cache-vectors.tar.zst"), directory.path());
    return directory / "cache-vectors";
  }();
  return path;
}

std::string number(unsigned n) { return std::string(n < 10 ? "00" : n < 100 ? "0" : "") + std::to_string(n); }

}  // namespace

TEST_CASE("every cache vector gives the record, sizes, GUID and dates that Cyrus 3.6.1 wrote") {
  const test::LocalZone zone("UTC");
  unsigned identical = 0;
  for (unsigned n = 1; n <= kVectors; ++n) {
    const std::string message = test::read_text(vectors() / (number(n) + ".eml"));
    const std::string record = test::read_text(vectors() / (number(n) + ".cache"));
    const auto facts = nlohmann::json::parse(test::read_text(vectors() / (number(n) + ".json")));
    const mime::MessageSummary summary = mime::summarise(message, test::cached_internaldate);
    INFO(number(n) << " " << facts["name"]);
    const std::string difference = test::cache_difference(summary.cache_record, record);
    CHECK(difference == "");
    CHECK(summary.guid.hex() == facts["guid"].get<std::string>());
    CHECK(summary.size == facts["size"].get<std::uint64_t>());
    CHECK(summary.header_size == facts["header_size"].get<std::uint32_t>());
    CHECK(summary.cache_crc == std::stoul(facts["cache_crc"].get<std::string>(), nullptr, 16));
    CHECK(summary.sentdate == facts["sentdate"].get<std::uint32_t>());
    CHECK(summary.gmtime == facts["gmtime"].get<std::uint32_t>());
    CHECK(summary.cache_version == 11);
    identical += difference.empty() ? 1 : 0;
  }
  WARN(identical << " of " << kVectors << " cache vectors identical");
  CHECK(identical == kVectors);
}

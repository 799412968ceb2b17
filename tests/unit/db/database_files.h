// What several tests of databases need: seeds of the fuzzers, listings.
#pragma once

#include "format/base/file.h"
#include "tests/unit/db/random_workload.h"

namespace cyr::test {

// A seed of the fuzzers, "twoskip/empty".
inline fs::path seed_path(const std::string& name) {
  return fs::path(CYRKIT_SOURCE_DIR) / "tests/fuzz/corpus" / name;
}

inline Buffer read_seed(const std::string& name) {
  const auto content = posix_io().read_file(seed_path(name));
  REQUIRE_OK(content);
  const Bytes bytes = content->bytes();
  return {bytes.begin(), bytes.end()};
}

// As cyr_dbtool shows it.
inline std::string show(db::Database& database) {
  std::string out;
  for (const auto& [key, value] : records_of(database)) {
    out += key + "\t" + value + "\n";
  }
  return out;
}

// As the golden listings have it; "-" is the empty string.
inline std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    out += digits[static_cast<unsigned char>(c) >> 4U];
    out += digits[static_cast<unsigned char>(c) & 15U];
  }
  return out.empty() ? "-" : out;
}

}  // namespace cyr::test

// Walking through a mapped file keeps only a part of it in memory.
#include <fstream>

#include "format/base/file.h"
#include "format/base/residency.h"
#include "tests/support/check.h"
#include "tests/support/temp_dir.h"

using namespace cyr;

namespace {

constexpr std::size_t file_size = std::size_t{48} << 20;  // bytes
constexpr std::size_t page = 4096;

// Resident pages of files, in bytes.
std::size_t resident_files() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0, resident = 0, shared = 0;
  statm >> total >> resident >> shared;
  return shared * page;
}

// Looks at a byte of every page, a tick each; the most that was in memory beyond what there was before.
std::size_t most_while_walking(const fs::path& path) {
  const std::size_t before = resident_files();
  auto mapped = posix_io().read_file(path);
  REQUIRE(mapped);
  std::size_t most = 0;
  std::size_t sum = 0;
  for (std::size_t at = 0; at < file_size; at += page) {
    ResidencyLimit::tick();
    sum += std::to_integer<std::size_t>(mapped->bytes()[at]);
    if (at % (page * 256) == 0) {
      const std::size_t now = resident_files();
      most = std::max(most, now > before ? now - before : 0);
    }
  }
  CHECK(sum == file_size / page * 7);  // pages that were given back come again with the same content
  return most;
}

}  // namespace

TEST_CASE("a limit on what is resident of mapped files", "[residency]") {
  const test::TempDir scratch;
  const fs::path path = scratch.path() / "large";
  REQUIRE(replace_file(posix_io(), path, Buffer(file_size, std::byte{7})));
  CHECK(most_while_walking(path) > file_size / 2);
  const ResidencyLimit limit(std::size_t{8} << 20);
  CHECK(most_while_walking(path) < std::size_t{16} << 20);
  {
    const ResidencyLimit nested(std::size_t{1} << 40);  // the outer one holds, also after this one is gone
    CHECK(most_while_walking(path) < std::size_t{16} << 20);
  }
  CHECK(most_while_walking(path) < std::size_t{16} << 20);
}

#include "tests/support/temp_dir.h"

#include <unistd.h>

#include <boost/filesystem/operations.hpp>
#include <cstdlib>

namespace cyr::test {

TempDir::TempDir() : path_(fs::temp_directory_path() / fs::unique_path("cyrkit-%%%%%%%%%%%%")) {
  fs::create_directories(path_);
}

TempDir::~TempDir() {
  boost::system::error_code ignored;
  fs::remove_all(path_, ignored);
}

void keep_temporary_files_in_memory() {
  constexpr const char* memory = "/dev/shm";
  if (::access(memory, R_OK | W_OK | X_OK) == 0) {
    (void)::setenv("TMPDIR", memory, 0);
  }
}

}  // namespace cyr::test

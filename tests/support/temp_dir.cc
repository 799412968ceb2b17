#include "tests/support/temp_dir.h"

#include <boost/filesystem/operations.hpp>

namespace cyr::test {

TempDir::TempDir() : path_(fs::temp_directory_path() / fs::unique_path("cyrkit-%%%%%%%%%%%%")) {
  fs::create_directories(path_);
}

TempDir::~TempDir() {
  boost::system::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace cyr::test

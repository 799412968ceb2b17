// A directory of its own for a test, removed at the end.
#pragma once

#include "format/base/path.h"

namespace cyr::test {

class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();
  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] fs::path operator/(const fs::path& name) const { return path_ / name; }

 private:
  fs::path path_;
};

// Makes TempDir use a file system in memory, where there is one and TMPDIR does not say otherwise: for tests
// that write and rename thousands of files, and want no disk to wait for.
void keep_temporary_files_in_memory();

}  // namespace cyr::test

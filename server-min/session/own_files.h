// Files that a running process was made of, and whether they are still the same.
#pragma once

#include <vector>

#include "format/base/io.h"

namespace cyr::session {

class OwnFiles {
 public:
  explicit OwnFiles(const std::vector<fs::path>& paths);
  // One of them was replaced, written or removed. What was not there at first does not count.
  [[nodiscard]] bool changed() const;

 private:
  struct Entry {
    fs::path path;
    FileInfo first;
  };
  std::vector<Entry> entries_;
};

}  // namespace cyr::session

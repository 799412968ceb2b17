// Information on many files of one directory, relative to the open directory: the kernel then does not walk
// the whole path for each of half a million messages.
#pragma once

#include <string>

#include "format/base/io.h"

namespace cyr {

// What an Io has that can do so. One without gets the full path of each file in its stat().
class StatsInDirectory {
 public:
  StatsInDirectory() = default;
  StatsInDirectory(const StatsInDirectory&) = delete;
  StatsInDirectory& operator=(const StatsInDirectory&) = delete;
  virtual ~StatsInDirectory() = default;
  // Follows symbolic links. `directory` is open; `path` of it is for the error.
  virtual Result<FileInfo> stat_at(int directory, const std::string& name, const fs::path& path) = 0;
};

// May be used by several threads at once where `io` may.
class DirectoryStat {
 public:
  DirectoryStat(Io& io, fs::path directory);
  DirectoryStat(const DirectoryStat&) = delete;
  DirectoryStat& operator=(const DirectoryStat&) = delete;
  ~DirectoryStat();

  // Of `name` in the directory, as Io::stat().
  [[nodiscard]] Result<FileInfo> stat(const std::string& name) const;

 private:
  Io& io_;
  StatsInDirectory* direct_;
  fs::path directory_;
  int fd_ = -1;
};

}  // namespace cyr

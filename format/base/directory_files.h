// Many files of one directory, relative to the open directory: the kernel then does not walk the whole path
// for each of half a million messages.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "format/base/io.h"

namespace cyr {

// What an Io has that can do so. One without gets the full path of each file.
class DirectoryAccess {
 public:
  struct Opened {
    int fd = -1;  // for the Io's pread() and close()
    FileInfo info;
  };
  DirectoryAccess() = default;
  DirectoryAccess(const DirectoryAccess&) = delete;
  DirectoryAccess& operator=(const DirectoryAccess&) = delete;
  virtual ~DirectoryAccess() = default;
  // Both follow symbolic links. `directory` is open; `path` of it is for the error.
  virtual Result<FileInfo> stat_at(int directory, const std::string& name, const fs::path& path) = 0;
  virtual Result<Opened> open_at(int directory, const std::string& name,
                                 const fs::path& path) = 0;  // to read
  // A file that had `size` bytes a moment ago, in as few calls as possible. Nothing: it has another size now,
  // or could not be read so; open_at() tells.
  virtual std::optional<Buffer> read_at(int directory, const std::string& name, std::size_t size) = 0;
};

struct FileStart {
  FileBytes bytes;              // as many as were wanted, fewer where the file is shorter
  std::uint64_t file_size = 0;  // bytes
};

// May be used by several threads at once where `io` may.
class DirectoryFiles {
 public:
  DirectoryFiles(Io& io, fs::path directory);
  DirectoryFiles(const DirectoryFiles&) = delete;
  DirectoryFiles& operator=(const DirectoryFiles&) = delete;
  ~DirectoryFiles();

  // Of `name` in the directory, as Io::stat() and Io::read_file().
  [[nodiscard]] Result<FileInfo> stat(const std::string& name) const;
  // `size` in bytes, when it is known: makes it quicker.
  [[nodiscard]] Result<FileBytes> read(const std::string& name, std::uint64_t size = 0) const;
  // The first `wanted` bytes.
  [[nodiscard]] Result<FileStart> read_start(const std::string& name, std::uint64_t wanted) const;

 private:
  [[nodiscard]] int opened() const;  // -1: the full path has to be used

  Io& io_;
  DirectoryAccess* direct_;
  fs::path directory_;
  mutable std::once_flag once_;  // many are made and never asked for a file
  mutable int fd_ = -1;
};

}  // namespace cyr

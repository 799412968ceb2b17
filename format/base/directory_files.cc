#include "format/base/directory_files.h"

#include <algorithm>

namespace cyr {

DirectoryFiles::DirectoryFiles(Io& io, fs::path directory)
    : io_(io), direct_(dynamic_cast<DirectoryAccess*>(&io)), directory_(std::move(directory)) {}

DirectoryFiles::~DirectoryFiles() {
  if (fd_ != -1) {
    (void)io_.close(fd_, directory_);
  }
}

int DirectoryFiles::opened() const {
  if (direct_ != nullptr) {
    std::call_once(once_, [this] { fd_ = io_.open(directory_, {}, 0).value_or(-1); });
  }
  return fd_;
}

Result<FileInfo> DirectoryFiles::stat(const std::string& name) const {
  const int fd = opened();
  return fd == -1 ? io_.stat(directory_ / name) : direct_->stat_at(fd, name, directory_);
}

Result<FileBytes> DirectoryFiles::read(const std::string& name, std::uint64_t size) const {
  const int fd = opened();
  if (fd != -1 && size != 0 && size <= Io::default_map_above) {
    if (auto bytes = direct_->read_at(fd, name, static_cast<std::size_t>(size))) {
      return FileBytes(std::move(*bytes));
    }
  }
  const fs::path path = directory_ / name;
  if (fd == -1) {
    return io_.read_file(path);
  }
  CYR_TRY(const auto opened, direct_->open_at(fd, name, directory_));
  return io_.read_opened(opened.fd, opened.info, path);
}

Result<FileStart> DirectoryFiles::read_start(const std::string& name, std::uint64_t wanted) const {
  const int fd = opened();
  FileStart start;
  if (fd == -1) {
    CYR_TRY(start.bytes, io_.read_file(directory_ / name));
    start.file_size = start.bytes.bytes().size();
    return start;
  }
  CYR_TRY(const auto opened, direct_->open_at(fd, name, directory_));
  start.file_size = opened.info.size;
  FileInfo part = opened.info;
  part.size = std::min(part.size, wanted);
  CYR_TRY(start.bytes, io_.read_opened(opened.fd, part, directory_ / name));
  return start;
}

}  // namespace cyr

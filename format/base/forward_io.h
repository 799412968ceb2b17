// Passes every call on to another Io: the base of those that change a few of them.
#pragma once

#include "format/base/io.h"

namespace cyr {

class ForwardIo : public Io {
 public:
  explicit ForwardIo(Io& inner) : inner_(inner) {}

  [[nodiscard]] bool read_only() const override { return inner_.read_only(); }
  Result<int> open(const fs::path& path, OpenFlags flags, ::mode_t mode) override {
    return inner_.open(path, flags, mode);
  }
  Status close(int fd, const fs::path& path) override { return inner_.close(fd, path); }
  Result<std::size_t> pread(int fd, MutableBytes into, std::uint64_t offset) override {
    return inner_.pread(fd, into, offset);
  }
  Result<std::size_t> pwrite(int fd, Bytes from, std::uint64_t offset) override {
    return inner_.pwrite(fd, from, offset);
  }
  Status fsync(int fd, const fs::path& path) override { return inner_.fsync(fd, path); }
  Status truncate(int fd, std::uint64_t size, const fs::path& path) override {
    return inner_.truncate(fd, size, path);
  }
  Result<FileInfo> fstat(int fd, const fs::path& path) override { return inner_.fstat(fd, path); }
  Status lock(int fd, LockMode mode, LockWait wait, LockRange range, const fs::path& path) override {
    return inner_.lock(fd, mode, wait, range, path);
  }
  Status unlock(int fd, LockRange range, const fs::path& path) override {
    return inner_.unlock(fd, range, path);
  }
  Result<FileBytes> map(int fd, std::uint64_t size, const fs::path& path) override {
    return inner_.map(fd, size, path);
  }
  Result<FileInfo> stat(const fs::path& path) override { return inner_.stat(path); }
  Result<FileInfo> lstat(const fs::path& path) override { return inner_.lstat(path); }
  Result<std::vector<DirEntry>> list(const fs::path& directory) override { return inner_.list(directory); }
  Status rename(const fs::path& from, const fs::path& to) override { return inner_.rename(from, to); }
  Status exchange(const fs::path& one, const fs::path& other) override { return inner_.exchange(one, other); }
  Status link(const fs::path& from, const fs::path& to) override { return inner_.link(from, to); }
  Status symlink(const std::string& target, const fs::path& to) override {
    return inner_.symlink(target, to);
  }
  Result<std::string> read_link(const fs::path& path) override { return inner_.read_link(path); }
  Status unlink(const fs::path& path) override { return inner_.unlink(path); }
  Status make_directory(const fs::path& path, ::mode_t mode) override {
    return inner_.make_directory(path, mode);
  }
  Status remove_directory(const fs::path& path) override { return inner_.remove_directory(path); }
  Status sync_directory(const fs::path& path) override { return inner_.sync_directory(path); }
  Status sync_file_system(const fs::path& directory) override { return inner_.sync_file_system(directory); }
  Result<Space> space(const fs::path& path) override { return inner_.space(path); }
  Status set_owner(const fs::path& path, ::uid_t uid, ::gid_t gid) override {
    return inner_.set_owner(path, uid, gid);
  }
  Status set_mode(const fs::path& path, ::mode_t mode) override { return inner_.set_mode(path, mode); }
  Status set_mtime(const fs::path& path, std::int64_t seconds, std::uint32_t nanoseconds) override {
    return inner_.set_mtime(path, seconds, nanoseconds);
  }

 protected:
  [[nodiscard]] Io& inner() const { return inner_; }

 private:
  Io& inner_;
};

// Writes without waiting for the disk: what `-nosync` databases and skiplist_unsafe ask for.
class UnsyncedIo final : public ForwardIo {
 public:
  using ForwardIo::ForwardIo;
  Status fsync(int /*fd*/, const fs::path& /*path*/) override { return success(); }
  Status sync_directory(const fs::path& /*path*/) override { return success(); }
  Status sync_file_system(const fs::path& /*directory*/) override { return success(); }
};

}  // namespace cyr

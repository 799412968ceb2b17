// An Io whose n-th call fails.
#pragma once

#include <array>

#include "format/base/forward_io.h"

namespace cyr::test {

enum class Fault : std::uint8_t {
  io_error,     // EIO, once
  disk_full,    // ENOSPC from here on, for everything that needs room
  interrupted,  // EINTR, once, that got through to the program
  short_write,  // half of the bytes are written, once
  dying_disk,   // EIO from here on
};
inline constexpr std::array all_faults = {Fault::io_error, Fault::disk_full, Fault::interrupted,
                                          Fault::short_write, Fault::dying_disk};
[[nodiscard]] const char* name_of(Fault fault);

// Counts the calls that may fail in this way, and fails at the n-th (from 0).
class FaultIo final : public ForwardIo {
 public:
  FaultIo(Io& inner, Fault fault, int n) : ForwardIo(inner), fault_(fault), left_(n) {}

  [[nodiscard]] bool happened() const { return happened_; }
  void heal() { healthy_ = true; }

  Result<int> open(const fs::path& path, OpenFlags flags, ::mode_t mode) override;
  Status close(int fd, const fs::path& path) override;
  Result<std::size_t> pread(int fd, MutableBytes into, std::uint64_t offset) override;
  Result<std::size_t> pwrite(int fd, Bytes from, std::uint64_t offset) override;
  Status fsync(int fd, const fs::path& path) override;
  Status truncate(int fd, std::uint64_t size, const fs::path& path) override;
  Result<FileInfo> fstat(int fd, const fs::path& path) override;
  Status lock(int fd, LockMode mode, LockWait wait, LockRange range, const fs::path& path) override;
  Result<FileBytes> map(int fd, std::uint64_t size, const fs::path& path) override;
  Result<FileInfo> stat(const fs::path& path) override;
  Result<FileInfo> lstat(const fs::path& path) override;
  Result<std::vector<DirEntry>> list(const fs::path& directory) override;
  Status rename(const fs::path& from, const fs::path& to) override;
  Status link(const fs::path& from, const fs::path& to) override;
  Status unlink(const fs::path& path) override;
  Status make_directory(const fs::path& path, ::mode_t mode) override;
  Status sync_directory(const fs::path& path) override;
  Status sync_file_system(const fs::path& directory) override;

 private:
  enum class Call : std::uint8_t { reads, needs_room, changes };
  // The error that this call gives, if any.
  std::optional<Error> fails(Call call, const fs::path& path);

  Fault fault_;
  int left_;
  bool happened_ = false;
  bool healthy_ = false;
};

}  // namespace cyr::test

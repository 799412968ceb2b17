// An Io that stops changing things at some point, as if the process had been killed there.
#pragma once

#include "format/base/forward_io.h"

namespace cyr::test {

// Refuses every change from the n-th on, as if the process had been killed there.
class KilledIo final : public ForwardIo {
 public:
  KilledIo(Io& inner, int changes) : ForwardIo(inner), left_(changes) {}
  [[nodiscard]] bool was_killed() const { return left_ < 0; }

  Result<int> open(const fs::path& path, OpenFlags flags, ::mode_t mode) override {
    return flags.create && killed() ? Result<int>(gone()) : ForwardIo::open(path, flags, mode);
  }
  Result<std::size_t> pwrite(int fd, Bytes from, std::uint64_t offset) override {
    return killed() ? Result<std::size_t>(gone()) : ForwardIo::pwrite(fd, from, offset);
  }
  Status truncate(int fd, std::uint64_t size, const fs::path& path) override {
    return killed() ? Status(gone()) : ForwardIo::truncate(fd, size, path);
  }
  Status rename(const fs::path& from, const fs::path& to) override {
    return killed() ? Status(gone()) : ForwardIo::rename(from, to);
  }
  Status link(const fs::path& from, const fs::path& to) override {
    return killed() ? Status(gone()) : ForwardIo::link(from, to);
  }
  Status unlink(const fs::path& path) override { return killed() ? Status(gone()) : ForwardIo::unlink(path); }
  Status set_mtime(const fs::path& path, std::int64_t seconds, std::uint32_t nanoseconds) override {
    return killed() ? Status(gone()) : ForwardIo::set_mtime(path, seconds, nanoseconds);
  }

 private:
  bool killed() { return --left_ < 0; }
  static Error gone() { return make_error(Errc::io, "killed"); }
  int left_;
};

}  // namespace cyr::test

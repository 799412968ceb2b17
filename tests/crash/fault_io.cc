#include "tests/crash/fault_io.h"

#include <cerrno>

namespace cyr::test {

const char* name_of(Fault fault) {
  switch (fault) {
    case Fault::io_error:
      return "EIO";
    case Fault::disk_full:
      return "ENOSPC";
    case Fault::interrupted:
      return "EINTR";
    case Fault::short_write:
      return "short write";
    case Fault::dying_disk:
      return "EIO for ever";
  }
  return "?";
}

std::optional<Error> FaultIo::fails(Call call, const fs::path& path) {
  const bool lasting = fault_ == Fault::disk_full || fault_ == Fault::dying_disk;
  if (healthy_ || fault_ == Fault::short_write || (happened_ && !lasting) ||
      (fault_ == Fault::disk_full && call != Call::needs_room)) {
    return {};
  }
  if (!happened_ && left_-- > 0) {
    return {};
  }
  happened_ = true;
  // A disk that is dying still lets go of names: that is memory, and the cleaning up is what is tested here.
  if (fault_ == Fault::dying_disk && call != Call::needs_room) {
    return {};
  }
  const int error = fault_ == Fault::disk_full ? ENOSPC : fault_ == Fault::interrupted ? EINTR : EIO;
  return system_error(error, "made to fail", path);
}

Result<int> FaultIo::open(const fs::path& path, OpenFlags flags, ::mode_t mode) {
  if (auto error = fails(flags.create ? Call::needs_room : Call::reads, path)) {
    return std::move(*error);
  }
  return inner().open(path, flags, mode);
}

Status FaultIo::close(int fd, const fs::path& path) {
  const auto error = fails(Call::changes, path);
  Status closed = inner().close(fd, path);  // gone in any case
  return error ? Status(*error) : closed;
}

Result<std::size_t> FaultIo::pread(int fd, MutableBytes into, std::uint64_t offset) {
  if (auto error = fails(Call::reads, {})) {
    return std::move(*error);
  }
  return inner().pread(fd, into, offset);
}

Result<std::size_t> FaultIo::pwrite(int fd, Bytes from, std::uint64_t offset) {
  if (fault_ == Fault::short_write && !happened_ && !healthy_ && from.size() > 1 && left_-- == 0) {
    happened_ = true;
    return inner().pwrite(fd, from.first(from.size() / 2), offset);
  }
  if (auto error = fails(Call::needs_room, {})) {
    return std::move(*error);
  }
  return inner().pwrite(fd, from, offset);
}

Status FaultIo::fsync(int fd, const fs::path& path) {
  const auto error = fails(Call::needs_room, path);
  return error ? Status(*error) : inner().fsync(fd, path);
}

Status FaultIo::truncate(int fd, std::uint64_t size, const fs::path& path) {
  const auto error = fails(Call::changes, path);
  return error ? Status(*error) : inner().truncate(fd, size, path);
}

Result<FileInfo> FaultIo::fstat(int fd, const fs::path& path) {
  if (auto error = fails(Call::reads, path)) {
    return std::move(*error);
  }
  return inner().fstat(fd, path);
}

Status FaultIo::lock(int fd, LockMode mode, LockWait wait, LockRange range, const fs::path& path) {
  const auto error = fails(Call::reads, path);
  return error ? Status(*error) : inner().lock(fd, mode, wait, range, path);
}

Result<FileBytes> FaultIo::map(int fd, std::uint64_t size, const fs::path& path) {
  if (auto error = fails(Call::reads, path)) {
    return std::move(*error);
  }
  return inner().map(fd, size, path);
}

Result<FileInfo> FaultIo::stat(const fs::path& path) {
  if (auto error = fails(Call::reads, path)) {
    return std::move(*error);
  }
  return inner().stat(path);
}

Result<FileInfo> FaultIo::lstat(const fs::path& path) {
  if (auto error = fails(Call::reads, path)) {
    return std::move(*error);
  }
  return inner().lstat(path);
}

Result<std::vector<DirEntry>> FaultIo::list(const fs::path& directory) {
  if (auto error = fails(Call::reads, directory)) {
    return std::move(*error);
  }
  return inner().list(directory);
}

Status FaultIo::rename(const fs::path& from, const fs::path& to) {
  const auto error = fails(Call::needs_room, to);
  return error ? Status(*error) : inner().rename(from, to);
}

Status FaultIo::link(const fs::path& from, const fs::path& to) {
  const auto error = fails(Call::needs_room, to);
  return error ? Status(*error) : inner().link(from, to);
}

Status FaultIo::unlink(const fs::path& path) {
  // What fails once here fails while something is being cleaned up: nothing could be asked of the program
  // then.
  return inner().unlink(path);
}

Status FaultIo::make_directory(const fs::path& path, ::mode_t mode) {
  const auto error = fails(Call::needs_room, path);
  return error ? Status(*error) : inner().make_directory(path, mode);
}

Status FaultIo::sync_directory(const fs::path& path) {
  const auto error = fails(Call::needs_room, path);
  return error ? Status(*error) : inner().sync_directory(path);
}

Status FaultIo::sync_file_system(const fs::path& directory) {
  const auto error = fails(Call::needs_room, directory);
  return error ? Status(*error) : inner().sync_file_system(directory);
}

}  // namespace cyr::test

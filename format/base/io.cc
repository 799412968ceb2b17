#include "format/base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "format/base/directory_files.h"
#include "format/base/residency.h"

namespace cyr {

FileBytes::~FileBytes() {
  if (mapped_ != nullptr) {
    ResidencyLimit::unmapped(mapped_);
    ::munmap(mapped_, size_);
  }
}

namespace {

// Calls `call` again while a signal interrupts it.
template <class Call>
auto retry(Call call) {
  while (true) {
    const auto result = call();
    if (result != -1 || errno != EINTR) {
      return result;
    }
  }
}

Status status_of(int result, const char* what, const fs::path& path) {
  if (result == -1) {
    return system_error(errno, what, path);
  }
  return success();
}

FileKind kind_of(::mode_t mode) {
  if (S_ISREG(mode)) {
    return FileKind::regular;
  }
  if (S_ISDIR(mode)) {
    return FileKind::directory;
  }
  return S_ISLNK(mode) ? FileKind::symlink : FileKind::other;
}

FileInfo info_of(const struct ::stat& st) {
  FileInfo info;
  info.kind = kind_of(st.st_mode);
  info.size = static_cast<std::uint64_t>(st.st_size);
  info.mode = st.st_mode & 07777;
  info.uid = st.st_uid;
  info.gid = st.st_gid;
  info.device = st.st_dev;
  info.inode = st.st_ino;
  info.links = st.st_nlink;
  info.mtime = st.st_mtim.tv_sec;
  info.mtime_nsec = static_cast<std::uint32_t>(st.st_mtim.tv_nsec);
  return info;
}

class PosixIo : public Io, public DirectoryAccess {
 public:
  Result<int> open(const fs::path& path, OpenFlags flags, ::mode_t mode) override {
    int bits = O_CLOEXEC | O_NOCTTY | (flags.write ? O_RDWR : O_RDONLY);
    bits |= flags.create ? O_CREAT : 0;
    bits |= flags.exclusive ? O_EXCL : 0;
    bits |= flags.truncate ? O_TRUNC : 0;
    bits |= flags.no_follow ? O_NOFOLLOW : 0;
    return open_with(path, bits, mode);
  }
  Result<std::pair<int, FileInfo>> open_with_info(const fs::path& path) override {
    CYR_TRY(const Opened opened, open_in(AT_FDCWD, path.c_str(), {}, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0));
    return std::pair(opened.fd, opened.info);
  }
  Status close(int fd, const fs::path& path) override {
    // Not retried: on Linux the descriptor is gone whatever close says.
    if (::close(fd) == -1 && errno != EINTR) {
      return system_error(errno, "cannot close", path);
    }
    return success();
  }
  Result<std::size_t> pread(int fd, MutableBytes into, std::uint64_t offset) override {
    const auto count =
        retry([&] { return ::pread(fd, into.data(), into.size(), static_cast<::off_t>(offset)); });
    if (count == -1) {
      return system_error(errno, "cannot read");
    }
    return static_cast<std::size_t>(count);
  }
  Result<std::size_t> pwrite(int fd, Bytes from, std::uint64_t offset) override {
    const auto count =
        retry([&] { return ::pwrite(fd, from.data(), from.size(), static_cast<::off_t>(offset)); });
    if (count == -1) {
      return system_error(errno, "cannot write");
    }
    return static_cast<std::size_t>(count);
  }
  // fdatasync() has content and size on the disk; it spares a file that is written in place the commit of a
  // journal.
  Status fsync(int fd, const fs::path& path) override {
    return status_of(retry([&] { return ::fdatasync(fd); }), "cannot sync to disk", path);
  }
  Status truncate(int fd, std::uint64_t size, const fs::path& path) override {
    return status_of(retry([&] { return ::ftruncate(fd, static_cast<::off_t>(size)); }), "cannot set length",
                     path);
  }
  Result<FileInfo> fstat(int fd, const fs::path& path) override {
    struct ::stat st {};
    CYR_CHECK(status_of(::fstat(fd, &st), "cannot stat", path));
    return info_of(st);
  }
  Status lock(int fd, LockMode mode, LockWait wait, LockRange range, const fs::path& path) override {
    return set_lock(fd, mode == LockMode::shared ? F_RDLCK : F_WRLCK, wait, range, path);
  }
  Status unlock(int fd, LockRange range, const fs::path& path) override {
    return set_lock(fd, F_UNLCK, LockWait::block, range, path);
  }
  Result<FileBytes> map(int fd, std::uint64_t size, const fs::path& path) override {
    if (size == 0) {
      return FileBytes(Buffer{});
    }
    void* const at = ::mmap(nullptr, static_cast<std::size_t>(size), PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
      return system_error(errno, "cannot map", path);
    }
    ResidencyLimit::mapped(at, static_cast<std::size_t>(size));
    return FileBytes(at, static_cast<std::size_t>(size));
  }
  Result<FileInfo> stat(const fs::path& path) override {
    struct ::stat st {};
    CYR_CHECK(status_of(::stat(path.c_str(), &st), "cannot stat", path));
    return info_of(st);
  }
  Result<FileInfo> stat_at(int directory, const std::string& name, const fs::path& path) override {
    struct ::stat st {};
    if (::fstatat(directory, name.c_str(), &st, 0) == -1) {
      return system_error(errno, "cannot stat", path / name);
    }
    return info_of(st);
  }
  Result<Opened> open_at(int directory, const std::string& name, const fs::path& path) override {
    return open_in(directory, name.c_str(), path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
  }
  std::optional<Buffer> read_at(int directory, const std::string& name, std::size_t size) override {
    return read_in(directory, name.c_str(), size, 0);
  }
  Result<FileInfo> lstat(const fs::path& path) override {
    struct ::stat st {};
    CYR_CHECK(status_of(::lstat(path.c_str(), &st), "cannot stat", path));
    return info_of(st);
  }
  Result<std::vector<DirEntry>> list(const fs::path& directory) override {
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1) {
      return system_error(errno, "cannot read directory", directory);
    }
    auto entries = entries_of(fd, directory);
    ::close(fd);
    return entries;
  }
  Status rename(const fs::path& from, const fs::path& to) override {
    return status_of(::rename(from.c_str(), to.c_str()), "cannot rename into place", to);
  }
  Status exchange(const fs::path& one, const fs::path& other) override {
    const int done = ::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
    if (done != 0 && (errno == EINVAL || errno == ENOSYS)) {
      return make_error(Errc::unsupported, "the file system cannot exchange two files").at(one);
    }
    return status_of(done, "cannot exchange", one);
  }
  Status link(const fs::path& from, const fs::path& to) override {
    return status_of(::link(from.c_str(), to.c_str()), "cannot link", to);
  }
  Status symlink(const std::string& target, const fs::path& to) override {
    return status_of(::symlink(target.c_str(), to.c_str()), "cannot make symbolic link", to);
  }
  Result<std::string> read_link(const fs::path& path) override {
    std::string out(4096, '\0');
    const auto count = ::readlink(path.c_str(), out.data(), out.size());
    if (count == -1) {
      return system_error(errno, "cannot read symbolic link", path);
    }
    out.resize(static_cast<std::size_t>(count));
    return out;
  }
  Status unlink(const fs::path& path) override {
    return status_of(::unlink(path.c_str()), "cannot remove", path);
  }
  Status make_directory(const fs::path& path, ::mode_t mode) override {
    return status_of(::mkdir(path.c_str(), mode), "cannot make directory", path);
  }
  Status remove_directory(const fs::path& path) override {
    return status_of(::rmdir(path.c_str()), "cannot remove directory", path);
  }
  Status sync_directory(const fs::path& path) override {
    CYR_TRY(const int fd, open_with(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
    const Status synced = status_of(retry([&] { return ::fsync(fd); }), "cannot sync to disk", path);
    CYR_CHECK(close(fd, path));
    return synced;
  }
  Status sync_file_system(const fs::path& directory) override {
    CYR_TRY(const int fd, open_with(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
    const Status synced = status_of(::syncfs(fd), "cannot write to disk", directory);
    CYR_CHECK(close(fd, directory));
    return synced;
  }
  Result<Space> space(const fs::path& path) override {
    struct ::statvfs info {};
    CYR_CHECK(
        status_of(retry([&] { return ::statvfs(path.c_str(), &info); }), "cannot ask for free space", path));
    return Space{std::uint64_t{info.f_bavail} * info.f_frsize, std::uint64_t{info.f_blocks} * info.f_frsize};
  }
  Status set_owner(const fs::path& path, ::uid_t uid, ::gid_t gid) override {
    return status_of(::lchown(path.c_str(), uid, gid), "cannot change owner", path);
  }
  Status set_mode(const fs::path& path, ::mode_t mode) override {
    return status_of(::chmod(path.c_str(), mode), "cannot change mode", path);
  }
  Status set_mtime(const fs::path& path, std::int64_t seconds, std::uint32_t nanoseconds) override {
    const struct ::timespec times[2] = {{0, UTIME_OMIT}, {seconds, static_cast<long>(nanoseconds)}};
    return status_of(::utimensat(AT_FDCWD, path.c_str(), times, 0), "cannot set modification time", path);
  }

 protected:
  static Result<int> open_with(const fs::path& path, int bits, ::mode_t mode) {
    CYR_TRY(const Opened opened, open_in(AT_FDCWD, path.c_str(), {}, bits, mode));
    return opened.fd;
  }
  // One byte more is asked for than there should be, which shows the end.
  static std::optional<Buffer> read_in(int directory, const char* name, std::size_t size, int more_bits) {
    const int fd = retry(
        [&] { return ::openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | more_bits); });
    if (fd == -1) {
      return {};
    }
    Buffer bytes(size + 1);
    const auto count = retry([&] { return ::pread(fd, bytes.data(), bytes.size(), 0); });
    ::close(fd);
    if (count < 0 || static_cast<std::size_t>(count) != size) {
      return {};
    }
    bytes.resize(size);
    return bytes;
  }
  // `name` relative to the open `directory`, whose path is for the error.
  static Result<Opened> open_in(int directory, const char* name, const fs::path& path, int bits,
                                ::mode_t mode) {
    // Non-blocking, which means nothing for files: a pipe under a file's name would be waited for, for ever.
    const int fd = retry([&] { return ::openat(directory, name, bits | O_NONBLOCK, mode); });
    if (fd == -1) {
      return system_error(errno, "cannot open", path / name);
    }
    struct ::stat st {};
    if (::fstat(fd, &st) == -1) {
      const int problem = errno;
      ::close(fd);
      return system_error(problem, "cannot stat", path / name);
    }
    if (S_ISFIFO(st.st_mode)) {
      ::close(fd);
      return make_error(Errc::invalid, "is a pipe, not a file").at(path / name);
    }
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
      (void)::fcntl(fd, F_SETFL, bits);  // a terminal is waited for
    }
    return Opened{fd, info_of(st)};
  }

 private:
  static Status set_lock(int fd, short type, LockWait wait, LockRange range, const fs::path& path) {
    struct ::flock request {};
    request.l_type = type;
    request.l_whence = SEEK_SET;
    request.l_start = static_cast<::off_t>(range.start);
    request.l_len = static_cast<::off_t>(range.length);
    const int command = wait == LockWait::block ? F_OFD_SETLKW : F_OFD_SETLK;
    if (retry([&] { return ::fcntl(fd, command, &request); }) == -1) {
      return system_error(errno == EACCES ? EAGAIN : errno, "cannot lock", path);
    }
    return success();
  }
  // getdents64() and not readdir(), which takes a buffer from the heap for each of very many directories.
  static Result<std::vector<DirEntry>> entries_of(int fd, const fs::path& directory) {
    alignas(::dirent64) std::array<char, std::size_t{32} << 10U> buffer;
    std::vector<DirEntry> out;
    while (true) {
      const auto got = retry([&] { return ::getdents64(fd, buffer.data(), buffer.size()); });
      if (got <= 0) {
        return got == 0 ? Result<std::vector<DirEntry>>(std::move(out))
                        : system_error(errno, "cannot read directory", directory);
      }
      for (ssize_t at = 0; at < got;) {
        const auto* const entry = reinterpret_cast<const ::dirent64*>(buffer.data() + at);
        at += entry->d_reclen;
        const std::string_view name = static_cast<const char*>(entry->d_name);
        if (name != "." && name != "..") {
          out.push_back({std::string(name), entry_kind(directory, *entry)});
        }
      }
    }
  }
  static FileKind entry_kind(const fs::path& directory, const ::dirent64& entry) {
    switch (entry.d_type) {
      case DT_REG:
        return FileKind::regular;
      case DT_DIR:
        return FileKind::directory;
      case DT_LNK:
        return FileKind::symlink;
      case DT_UNKNOWN:
        break;
      default:
        return FileKind::other;
    }
    // Some file systems do not fill d_type.
    struct ::stat st {};
    const fs::path path = directory / static_cast<const char*>(entry.d_name);
    return ::lstat(path.c_str(), &st) == -1 ? FileKind::other : kind_of(st.st_mode);
  }
};

class ReadOnlyIo final : public PosixIo {
 public:
  [[nodiscard]] bool read_only() const override { return true; }
  Result<int> open(const fs::path& path, OpenFlags flags, ::mode_t /*mode*/) override {
    // `create` and `write` are taken as wishes: an existing file opens for reading, an absent one stays
    // absent.
    const int bits = O_RDONLY | O_CLOEXEC | O_NOCTTY | (flags.no_follow ? O_NOFOLLOW : 0);
    if (flags.truncate || flags.exclusive) {
      return refuse(path);
    }
    CYR_TRY(const Opened opened, open_quietly(AT_FDCWD, path.c_str(), {}, bits));
    return opened.fd;
  }
  Result<std::pair<int, FileInfo>> open_with_info(const fs::path& path) override {
    CYR_TRY(const Opened opened, open_quietly(AT_FDCWD, path.c_str(), {}, O_RDONLY | O_CLOEXEC | O_NOCTTY));
    return std::pair(opened.fd, opened.info);
  }
  Result<Opened> open_at(int directory, const std::string& name, const fs::path& path) override {
    return open_quietly(directory, name.c_str(), path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  }
  std::optional<Buffer> read_at(int directory, const std::string& name, std::size_t size) override {
    return read_in(directory, name.c_str(), size, O_NOATIME);
  }
  Result<std::size_t> pwrite(int /*fd*/, Bytes /*from*/, std::uint64_t /*offset*/) override {
    return refuse({});
  }
  Status fsync(int /*fd*/, const fs::path& /*path*/) override { return success(); }
  Status truncate(int /*fd*/, std::uint64_t /*size*/, const fs::path& path) override { return refuse(path); }
  Status lock(int fd, LockMode /*mode*/, LockWait wait, LockRange range, const fs::path& path) override {
    return PosixIo::lock(fd, LockMode::shared, wait, range, path);
  }
  Status rename(const fs::path& from, const fs::path& /*to*/) override { return refuse(from); }
  Status exchange(const fs::path& one, const fs::path& /*other*/) override { return refuse(one); }
  Status link(const fs::path& /*from*/, const fs::path& to) override { return refuse(to); }
  Status symlink(const std::string& /*target*/, const fs::path& to) override { return refuse(to); }
  Status unlink(const fs::path& path) override { return refuse(path); }
  Status make_directory(const fs::path& path, ::mode_t /*mode*/) override { return refuse(path); }
  Status remove_directory(const fs::path& path) override { return refuse(path); }
  Status sync_directory(const fs::path& /*path*/) override { return success(); }
  Status sync_file_system(const fs::path& /*directory*/) override { return success(); }
  Status set_owner(const fs::path& path, ::uid_t /*uid*/, ::gid_t /*gid*/) override { return refuse(path); }
  Status set_mode(const fs::path& path, ::mode_t /*mode*/) override { return refuse(path); }
  Status set_mtime(const fs::path& path, std::int64_t /*s*/, std::uint32_t /*ns*/) override {
    return refuse(path);
  }

 private:
  // O_NOATIME is refused with EPERM on files of other owners.
  static Result<Opened> open_quietly(int directory, const char* name, const fs::path& path, int bits) {
    auto quiet = open_in(directory, name, path, bits | O_NOATIME, 0);
    return quiet || quiet.error().sys_errno != EPERM ? quiet : open_in(directory, name, path, bits, 0);
  }
  static Error refuse(const fs::path& path) {
    return make_error(Errc::permission, "not changed: this is a dry run").at(path);
  }
};

}  // namespace

Result<std::pair<int, FileInfo>> Io::open_with_info(const fs::path& path) {
  CYR_TRY(const int fd, open(path, {}, 0));
  const auto info = fstat(fd, path);
  if (!info) {
    (void)close(fd, path);
    return info.error();
  }
  return std::pair(fd, *info);
}

Result<FileBytes> Io::read_file(const fs::path& path, std::uint64_t map_above) {
  CYR_TRY(const auto opened, open_with_info(path));
  return read_opened(opened.first, opened.second, path, map_above);
}

Result<FileBytes> Io::read_opened(int fd, const FileInfo& info, const fs::path& path,
                                  std::uint64_t map_above) {
  auto result = [&]() -> Result<FileBytes> {
    if (info.kind == FileKind::directory) {
      return system_error(EISDIR, "cannot read", path);
    }
    if (info.size > map_above) {
      return map(fd, info.size, path);
    }
    Buffer out(static_cast<std::size_t>(info.size));
    std::size_t have = 0;
    while (have < out.size()) {
      CYR_TRY(const std::size_t count, pread(fd, MutableBytes(out).subspan(have), have));
      if (count == 0) {
        break;  // became shorter meanwhile
      }
      have += count;
    }
    out.resize(have);
    return FileBytes(std::move(out));
  }();
  if (!result) {
    result.error().at(path);
  }
  CYR_CHECK(close(fd, path));
  return result;
}

Status Io::make_directories(const fs::path& path, ::mode_t mode) {
  if (path.empty()) {
    return success();
  }
  CYR_TRY(const bool there, exists(path));
  if (there) {
    return success();
  }
  CYR_CHECK(make_directories(path.parent_path(), mode));
  auto made = make_directory(path, mode);
  if (!made && made.error().code == Errc::exists) {
    return success();  // somebody else was faster
  }
  CYR_CHECK(made);
  // What will be promised about files in it is worth nothing without its name.
  const fs::path parent = path.parent_path();
  return sync_directory(parent.empty() ? fs::path(".") : parent);
}

Result<bool> Io::exists(const fs::path& path) {
  const auto info = lstat(path);
  if (info) {
    return true;
  }
  if (info.error().code == Errc::not_found) {
    return false;
  }
  return info.error();
}

Io& posix_io() {
  static PosixIo io;
  return io;
}

Io& read_only_io() {
  static ReadOnlyIo io;
  return io;
}

}  // namespace cyr

// Every system call that touches the store goes through Io: PosixIo in the programs, ReadOnlyIo for dry runs
// (it cannot write, so a forgotten `if` cannot delete mail), fault- and crash-injecting ones in the tests.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "format/base/bytes.h"
#include "format/base/error.h"
#include "format/base/path.h"

namespace cyr {

enum class LockMode : std::uint8_t { shared, exclusive };
enum class LockWait : std::uint8_t { block, try_once };  // try_once: Errc::locked when somebody else holds it

// A part of a file that is locked; the whole file, however long it gets, by default.
struct LockRange {
  std::uint64_t start = 0;   // bytes
  std::uint64_t length = 0;  // bytes; 0: to the end
};

enum class FileKind : std::uint8_t { regular, directory, symlink, other };

struct FileInfo {
  FileKind kind = FileKind::other;
  std::uint64_t size = 0;  // bytes
  ::mode_t mode = 0;       // permission bits only (07777)
  ::uid_t uid = 0;
  ::gid_t gid = 0;
  ::dev_t device = 0;
  ::ino_t inode = 0;
  std::uint64_t links = 0;
  std::int64_t mtime = 0;  // seconds since 1970 UTC
  std::uint32_t mtime_nsec = 0;

  [[nodiscard]] bool same_file(const FileInfo& other) const {
    return device == other.device && inode == other.inode;
  }
};

struct DirEntry {
  std::string name;
  FileKind kind = FileKind::other;  // of the entry itself: a symbolic link is not followed
};

// The bytes of a file: a copy of them, or a private read-only mapping. Move-only.
class FileBytes {
 public:
  FileBytes() = default;
  explicit FileBytes(Buffer copy) : copy_(std::move(copy)) {}
  FileBytes(void* mapped, std::size_t size) : mapped_(mapped), size_(size) {}
  FileBytes(FileBytes&& other) noexcept { swap(other); }
  FileBytes& operator=(FileBytes&& other) noexcept {
    swap(other);
    return *this;
  }
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;
  ~FileBytes();

  [[nodiscard]] Bytes bytes() const {
    return mapped_ != nullptr ? Bytes(static_cast<const std::byte*>(mapped_), size_) : Bytes(copy_);
  }
  [[nodiscard]] std::string_view text() const { return as_text(bytes()); }

 private:
  void swap(FileBytes& other) noexcept {
    std::swap(copy_, other.copy_);
    std::swap(mapped_, other.mapped_);
    std::swap(size_, other.size_);
  }
  Buffer copy_;
  void* mapped_ = nullptr;
  std::size_t size_ = 0;
};

// Of a file system, in bytes.
struct Space {
  std::uint64_t free = 0;  // for who is not root
  std::uint64_t total = 0;
};

// Open flags, a subset of open(2)'s. O_CLOEXEC and O_NOCTTY are always added.
struct OpenFlags {
  bool write = false;      // read and write; else read only
  bool create = false;     // make the file when it is absent
  bool exclusive = false;  // with create: fail when it is there (Errc::exists)
  bool truncate = false;
  bool no_follow = false;  // refuse a symbolic link as the last component
};

class Io {
 public:
  Io() = default;
  Io(const Io&) = delete;
  Io& operator=(const Io&) = delete;
  virtual ~Io() = default;

  // True for an Io that refuses every change.
  [[nodiscard]] virtual bool read_only() const { return false; }

  // The descriptor is the caller's; see File for one that closes itself.
  virtual Result<int> open(const fs::path& path, OpenFlags flags, ::mode_t mode) = 0;
  // To read, with what fstat() says of it: an Io that looks at a file when it opens it need not look twice.
  virtual Result<std::pair<int, FileInfo>> open_with_info(const fs::path& path);
  virtual Status close(int fd, const fs::path& path) = 0;
  // May return fewer bytes than asked, 0 at the end of the file. Retries EINTR.
  virtual Result<std::size_t> pread(int fd, MutableBytes into, std::uint64_t offset) = 0;
  virtual Result<std::size_t> pwrite(int fd, Bytes from, std::uint64_t offset) = 0;
  virtual Status fsync(int fd, const fs::path& path) = 0;
  virtual Status truncate(int fd, std::uint64_t size, const fs::path& path) = 0;
  virtual Result<FileInfo> fstat(int fd, const fs::path& path) = 0;
  // Open-file-description lock (F_OFD_SETLKW). It excludes and is excluded by the fcntl locks of Cyrus, and
  // unlike those survives the closing of another descriptor of the same file. Released when the descriptor is
  // closed.
  virtual Status lock(int fd, LockMode mode, LockWait wait, LockRange range, const fs::path& path) = 0;
  virtual Status unlock(int fd, LockRange range, const fs::path& path) = 0;
  // Read-only private mapping of the first `size` bytes. Only under a lock that keeps others from truncating
  // the file, or of files that are never changed in place (message files).
  virtual Result<FileBytes> map(int fd, std::uint64_t size, const fs::path& path) = 0;

  virtual Result<FileInfo> stat(const fs::path& path) = 0;                    // follows symbolic links
  virtual Result<FileInfo> lstat(const fs::path& path) = 0;                   // does not
  virtual Result<std::vector<DirEntry>> list(const fs::path& directory) = 0;  // without . and .., unsorted
  virtual Status rename(const fs::path& from, const fs::path& to) = 0;
  // Both names change places at once (RENAME_EXCHANGE). Errc::unsupported where the file system cannot.
  virtual Status exchange(const fs::path& one, const fs::path& other) = 0;
  virtual Status link(const fs::path& from, const fs::path& to) = 0;
  virtual Status symlink(const std::string& target, const fs::path& to) = 0;
  virtual Result<std::string> read_link(const fs::path& path) = 0;
  virtual Status unlink(const fs::path& path) = 0;
  virtual Status make_directory(const fs::path& path, ::mode_t mode) = 0;
  virtual Status remove_directory(const fs::path& path) = 0;
  virtual Status sync_directory(const fs::path& path) = 0;
  // Everything on the file system of `directory`, contents and names (syncfs). For many files at once: it
  // costs about as much as one fsync(), but also waits for what others have written there.
  virtual Status sync_file_system(const fs::path& directory) = 0;
  virtual Result<Space> space(const fs::path& path) = 0;  // of the file system that `path` lies on
  virtual Status set_owner(const fs::path& path, ::uid_t uid, ::gid_t gid) = 0;
  virtual Status set_mode(const fs::path& path, ::mode_t mode) = 0;
  virtual Status set_mtime(const fs::path& path, std::int64_t seconds, std::uint32_t nanoseconds) = 0;

  static constexpr std::uint64_t default_map_above = std::uint64_t{1} << 20;  // bytes
  // Whole file; read when small, mapped when larger than `map_above` bytes.
  Result<FileBytes> read_file(const fs::path& path, std::uint64_t map_above = default_map_above);
  // The same for one that is open; closes it.
  Result<FileBytes> read_opened(int fd, const FileInfo& info, const fs::path& path,
                                std::uint64_t map_above = default_map_above);
  // make_directory for every missing parent of `path` and for itself; existing ones are fine.
  Status make_directories(const fs::path& path, ::mode_t mode);
  [[nodiscard]] Result<bool> exists(const fs::path& path);
};

// The real system calls.
[[nodiscard]] Io& posix_io();

// Passes reads on to `inner` and refuses every change with Errc::permission. Exclusive locks become shared
// ones, since the files are open for reading only; nothing on disk changes, access times included where the
// kernel lets us (O_NOATIME).
[[nodiscard]] Io& read_only_io();

}  // namespace cyr

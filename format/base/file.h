// An open file that closes itself, locks that can be trusted although Cyrus replaces files by rename, and
// replacing a file all or nothing.
#pragma once

#include <optional>

#include "format/base/io.h"

namespace cyr {

// Which bytes of a file the programs that share it lock: all of them, but for twom (cyrusdb.md 11).
struct LockPlan {
  LockRange data = {};  // held while reading or writing
  // Locked before `data` and released when that is held, so that neither readers nor writers starve.
  std::optional<LockRange> gate = {};
  // Locked exclusively, and not waited for, while a replacement of the file is made.
  std::optional<LockRange> repack = {};
};

// Move-only owner of a descriptor of `io`.
class File {
 public:
  File() = default;
  static Result<File> open(Io& io, const fs::path& path, OpenFlags flags = {}, ::mode_t mode = 0600);
  // With what fstat() says of it, which costs nothing more where the file is only read.
  static Result<std::pair<File, FileInfo>> open_with_info(Io& io, const fs::path& path, OpenFlags flags = {},
                                                          ::mode_t mode = 0600);
  File(File&& other) noexcept { swap(other); }
  File& operator=(File&& other) noexcept {
    swap(other);
    return *this;
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();

  [[nodiscard]] bool is_open() const { return fd_ != -1; }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] Io& io() const { return *io_; }

  [[nodiscard]] Result<FileInfo> info() const;
  // Exactly `into.size()` bytes, else corrupt ("ends after N bytes").
  Status read_exactly(MutableBytes into, std::uint64_t offset) const;
  // Up to `into.size()` bytes; the number read, fewer only at the end of the file.
  Result<std::size_t> read(MutableBytes into, std::uint64_t offset) const;
  // All of `from`, short writes continued.
  Status write(Bytes from, std::uint64_t offset);
  Status sync();
  Status truncate(std::uint64_t size);
  Status lock(LockMode mode, LockWait wait = LockWait::block, const LockPlan& plan = {});
  Status lock_repack(const LockPlan& plan);  // Errc::locked when another one is making a replacement
  Status unlock(const LockPlan& plan = {});
  [[nodiscard]] Result<FileBytes> map() const;  // the whole file at its present size
  // The whole file, as Io::read_file().
  [[nodiscard]] Result<FileBytes> read_whole(std::uint64_t map_above = Io::default_map_above) const;
  // Closes now and reports what close() says; the destructor cannot.
  Status close();

 private:
  static File of(Io& io, int fd, const fs::path& path);
  void swap(File& other) noexcept {
    std::swap(io_, other.io_);
    std::swap(fd_, other.fd_);
    std::swap(path_, other.path_);
  }
  Io* io_ = nullptr;
  int fd_ = -1;
  fs::path path_;
};

// Opens and locks `path`, and makes sure that the locked file is still the one under that name (Cyrus
// replaces files by rename, so the inode is compared after the lock is held; if it changed, once more).
// Errc::locked with try_once.
Result<File> open_locked(Io& io, const fs::path& path, LockMode mode, LockWait wait = LockWait::block,
                         OpenFlags flags = {}, ::mode_t create_mode = 0600, const LockPlan& plan = {});

// Replaces `target` by new content: written to `<target>.NEW` (the suffix Cyrus uses and ignores), synced,
// renamed, the directory synced. Without commit() nothing remains. Owner and mode are those of the file that
// is replaced, if any.
class AtomicFile {
 public:
  static Result<AtomicFile> create(Io& io, const fs::path& target, ::mode_t mode = 0600);
  // With another name for the new content until then, in the same file system.
  static Result<AtomicFile> create(Io& io, const fs::path& target, const fs::path& temporary, ::mode_t mode);
  AtomicFile(AtomicFile&&) noexcept = default;
  AtomicFile& operator=(AtomicFile&&) = delete;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  Status write(Bytes bytes);  // appends; buffered
  Status write(std::string_view text) { return write(as_bytes(text)); }
  [[nodiscard]] std::uint64_t size() const { return written_ + pending_.size(); }
  // Everything written reaches the disk; still under the `.NEW` name.
  Status sync();
  // Locks the new file exclusively, until commit() is over: who opens it as soon as it has its name waits
  // until the disk has that, too. Otherwise what he writes and syncs could be lost with the name.
  Status lock(const LockPlan& plan = {});
  // sync(), rename, sync of the directory. An error after the rename is reported although the new file is in
  // place.
  Status commit();
  // The same for a target that is not there: Errc::exists when it is, and the file can still be committed.
  Status commit_new();
  [[nodiscard]] const fs::path& temporary() const { return file_.path(); }
  [[nodiscard]] File& file() { return file_; }

 private:
  Status in_place();
  AtomicFile(File file, fs::path target) : file_(std::move(file)), target_(std::move(target)) {}
  Status flush();
  File file_;
  fs::path target_;
  Buffer pending_;
  std::uint64_t written_ = 0;
  bool locked_ = false;
};

// One AtomicFile with `content`.
Status replace_file(Io& io, const fs::path& target, Bytes content, ::mode_t mode = 0600);
Status replace_file(Io& io, const fs::path& target, const fs::path& temporary, Bytes content, ::mode_t mode);

}  // namespace cyr

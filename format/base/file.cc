#include "format/base/file.h"

#include <fmt/format.h>

namespace cyr {

Result<File> File::open(Io& io, const fs::path& path, OpenFlags flags, ::mode_t mode) {
  CYR_TRY(const int fd, io.open(path, flags, mode));
  return of(io, fd, path);
}

File File::of(Io& io, int fd, const fs::path& path) {
  File file;
  file.io_ = &io;
  file.fd_ = fd;
  file.path_ = path;
  return file;
}

Result<std::pair<File, FileInfo>> File::open_with_info(Io& io, const fs::path& path, OpenFlags flags,
                                                       ::mode_t mode) {
  if (!flags.write && !flags.create && !flags.no_follow) {
    CYR_TRY(const auto opened, io.open_with_info(path));
    return std::pair(of(io, opened.first, path), opened.second);
  }
  CYR_TRY(File file, open(io, path, flags, mode));
  CYR_TRY(const FileInfo info, file.info());
  return std::pair(std::move(file), info);
}

File::~File() {
  if (is_open()) {
    (void)io_->close(fd_, path_);
  }
}

Result<FileInfo> File::info() const { return io_->fstat(fd_, path_); }

Result<std::size_t> File::read(MutableBytes into, std::uint64_t offset) const {
  std::size_t have = 0;
  while (have < into.size()) {
    auto count = io_->pread(fd_, into.subspan(have), offset + have);
    if (!count) {
      return std::move(count.error()).at(path_);
    }
    if (*count == 0) {
      break;
    }
    have += *count;
  }
  return have;
}

Status File::read_exactly(MutableBytes into, std::uint64_t offset) const {
  CYR_TRY(const std::size_t have, read(into, offset));
  if (have != into.size()) {
    return corrupt(fmt::format("file ends after {} bytes, expected {}", offset + have, offset + into.size()),
                   offset)
        .at(path_);
  }
  return success();
}

Status File::write(Bytes from, std::uint64_t offset) {
  while (!from.empty()) {
    auto count = io_->pwrite(fd_, from, offset);
    if (!count) {
      return std::move(count.error()).at(path_);
    }
    from = from.subspan(*count);
    offset += *count;
  }
  return success();
}

Status File::sync() { return io_->fsync(fd_, path_); }
Status File::truncate(std::uint64_t size) { return io_->truncate(fd_, size, path_); }

Status File::lock(LockMode mode, LockWait wait, const LockPlan& plan) {
  if (!plan.gate) {
    return io_->lock(fd_, mode, wait, plan.data, path_);
  }
  CYR_CHECK(io_->lock(fd_, mode, wait, *plan.gate, path_));
  Status held = io_->lock(fd_, mode, wait, plan.data, path_);
  Status open_again = io_->unlock(fd_, *plan.gate, path_);
  return held ? open_again : held;
}

Status File::lock_repack(const LockPlan& plan) {
  return plan.repack ? io_->lock(fd_, LockMode::exclusive, LockWait::try_once, *plan.repack, path_)
                     : success();
}

Status File::unlock(const LockPlan& plan) {
  if (plan.repack) {
    CYR_CHECK(io_->unlock(fd_, *plan.repack, path_));
  }
  return io_->unlock(fd_, plan.data, path_);
}

Result<FileBytes> File::map() const {
  CYR_TRY(const FileInfo now, info());
  return io_->map(fd_, now.size, path_);
}

Result<FileBytes> File::read_whole(std::uint64_t map_above) const {
  CYR_TRY(const FileInfo now, info());
  if (now.size > map_above) {
    return io_->map(fd_, now.size, path_);
  }
  Buffer out(static_cast<std::size_t>(now.size));
  CYR_TRY(const std::size_t have, read(out, 0));
  out.resize(have);  // it may have become shorter meanwhile
  return FileBytes(std::move(out));
}

Status File::close() {
  const int fd = fd_;
  fd_ = -1;
  return io_->close(fd, path_);
}

Result<File> open_locked(Io& io, const fs::path& path, LockMode mode, LockWait wait, OpenFlags flags,
                         ::mode_t create_mode, const LockPlan& plan) {
  flags.write = flags.write || mode == LockMode::exclusive;
  // Bounded only against a file that is replaced faster than we can lock it, which no sane writer does.
  for (int attempt = 0; attempt < 1000; ++attempt) {
    CYR_TRY(auto opened, File::open_with_info(io, path, flags, create_mode));
    CYR_CHECK(opened.first.lock(mode, wait, plan));
    const auto named = io.stat(path);
    if (named && named->same_file(opened.second)) {
      return std::move(opened.first);
    }
    if (!named && (named.error().code != Errc::not_found || !flags.create)) {
      return named.error();
    }
  }
  return make_error(Errc::locked, "keeps being replaced by another program").at(path);
}

namespace {

constexpr std::size_t write_buffer_size = std::size_t{256} << 10;  // bytes

}  // namespace

Result<AtomicFile> AtomicFile::create(Io& io, const fs::path& target, ::mode_t mode) {
  fs::path temporary = target;
  temporary += ".NEW";
  return create(io, target, temporary, mode);
}

Result<AtomicFile> AtomicFile::create(Io& io, const fs::path& target, const fs::path& temporary,
                                      ::mode_t mode) {
  const auto old = io.stat(target);
  const auto create = [&] {
    return File::open(io, temporary, {.write = true, .create = true, .exclusive = true},
                      old ? old->mode : mode);
  };
  auto file = create();
  if (!file && file.error().code == Errc::exists) {
    // A leftover .NEW is garbage of a crash (cyrusdb.md 1.3); it may be a link to something else.
    CYR_CHECK(io.unlink(temporary));
    file = create();
  }
  if (!file) {
    return std::move(file.error());
  }
  AtomicFile out(std::move(*file), target);
  if (old) {
    CYR_TRY(const FileInfo now, out.file_.info());
    if (now.uid != old->uid || now.gid != old->gid) {
      (void)io.set_owner(temporary, old->uid, old->gid);  // only root can; the content is what counts
    }
    if (now.mode != old->mode) {
      CYR_CHECK(io.set_mode(temporary, old->mode));
    }
  }
  return out;
}

AtomicFile::~AtomicFile() {
  if (file_.is_open()) {
    const fs::path temporary = file_.path();
    Io& io = file_.io();
    (void)file_.close();
    (void)io.unlink(temporary);
  }
}

Status AtomicFile::write(Bytes bytes) {
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  return pending_.size() >= write_buffer_size ? flush() : success();
}

Status AtomicFile::flush() {
  CYR_CHECK(file_.write(pending_, written_));
  written_ += pending_.size();
  pending_.clear();
  return success();
}

Status AtomicFile::sync() {
  CYR_CHECK(flush());
  return file_.sync();
}

Status AtomicFile::lock(const LockPlan& plan) {
  CYR_CHECK(file_.lock(LockMode::exclusive, LockWait::block, plan));
  locked_ = true;
  return success();
}

Status AtomicFile::commit() {
  CYR_CHECK(sync());
  Io& io = file_.io();
  const fs::path temporary = file_.path();
  Status done = locked_ ? success() : file_.close();
  if (done) {
    done = io.rename(temporary, target_);
  }
  if (!done) {
    File gone = std::move(file_);
    (void)io.unlink(temporary);
    return done;
  }
  return in_place();
}

Status AtomicFile::commit_new() {
  CYR_CHECK(sync());
  Io& io = file_.io();
  const fs::path temporary = file_.path();
  CYR_CHECK(io.link(temporary, target_));
  (void)io.unlink(temporary);  // a second name that is left is garbage like any .NEW
  return in_place();
}

Status AtomicFile::in_place() {
  Io& io = file_.io();
  const File done = std::move(file_);  // no longer to be removed by our destructor
  const fs::path directory = target_.parent_path();
  return io.sync_directory(directory.empty() ? fs::path(".") : directory);
}

Status replace_file(Io& io, const fs::path& target, Bytes content, ::mode_t mode) {
  fs::path temporary = target;
  temporary += ".NEW";
  return replace_file(io, target, temporary, content, mode);
}

Status replace_file(Io& io, const fs::path& target, const fs::path& temporary, Bytes content, ::mode_t mode) {
  CYR_TRY(AtomicFile file, AtomicFile::create(io, target, temporary, mode));
  CYR_CHECK(file.write(content));
  return file.commit();
}

}  // namespace cyr

#include "format/db/file_image.h"

namespace cyr::db {

namespace {
constexpr std::uint64_t slack = std::uint64_t{256} << 10;  // bytes mapped beyond the end of a file that grows
constexpr std::uint64_t copy_up_to = std::uint64_t{1} << 20;  // bytes
}  // namespace

void FileImage::close() {
  file_ = File();
  writable_ = false;
  content_ = FileBytes();
  size_ = 0;
  capacity_ = 0;
  copied_.reset();
  ++epoch_;
}

Result<bool> FileImage::still_named(const FileInfo& ours) const {
  const auto named = io_.stat(path_);
  if (!named && named.error().code != Errc::not_found) {
    return named.error();
  }
  return named && named->same_file(ours);
}

Status FileImage::open_and_lock(LockMode mode, bool create) {
  close();
  const bool write = mode == LockMode::exclusive;
  CYR_TRY(file_,
          open_locked(io_, path_, mode, LockWait::block, {.write = write, .create = create}, mode_, plan_));
  writable_ = write;
  return success();
}

Status FileImage::acquire(LockMode mode, bool create) {
  const bool usable = file_.is_open() && (mode == LockMode::shared || writable_);
  if (usable) {
    CYR_CHECK(file_.lock(mode, LockWait::block, plan_));
  }
  // The order matters: first the lock, then the name, and only then size and content.
  FileInfo ours;
  bool good = usable;
  if (usable) {
    CYR_TRY(ours, file_.info());
    CYR_TRY(good, still_named(ours));
  }
  if (!good) {
    CYR_CHECK(open_and_lock(mode, create));
    CYR_TRY(ours, file_.info());
  }
  return look(ours, mode == LockMode::exclusive);
}

Status FileImage::acquire_unlocked() {
  CYR_TRY(const FileInfo named, io_.stat(path_));
  if (copied_ && copied_->same_file(named) && copied_->size == named.size && copied_->mtime == named.mtime &&
      copied_->mtime_nsec == named.mtime_nsec) {
    return success();
  }
  close();
  CYR_TRY(content_, io_.read_file(path_, copy_up_to));
  size_ = content_.bytes().size();
  capacity_ = size_;
  copied_ = named;
  return success();
}

Status FileImage::release() { return file_.is_open() ? file_.unlock(plan_) : success(); }

Status FileImage::look(const FileInfo& info, bool growing) {
  if (info.kind != FileKind::regular) {
    return make_error(Errc::invalid, "is not a file").at(path_);
  }
  copied_.reset();
  if (info.size != size_) {
    ++epoch_;
  }
  size_ = static_cast<std::size_t>(info.size);
  if (size_ <= capacity_ && !growing) {
    return success();
  }
  return size_ < capacity_ ? success() : map(growing ? size_ + size_ / 4 + slack : size_);
}

Status FileImage::map(std::uint64_t capacity) {
  content_ = FileBytes();
  capacity_ = 0;
  ++epoch_;
  CYR_TRY(content_, io_.map(file_.fd(), capacity, path_));
  capacity_ = capacity;
  return success();
}

Status FileImage::write(Bytes from, std::uint64_t offset) {
  CYR_CHECK(file_.write(from, offset));
  const std::uint64_t end = offset + from.size();
  if (end <= size_) {
    return success();
  }
  size_ = static_cast<std::size_t>(end);
  return size_ <= capacity_ ? success() : map(size_ + size_ / 4 + slack);
}

Status FileImage::truncate(std::uint64_t size) {
  CYR_CHECK(file_.truncate(size));
  size_ = static_cast<std::size_t>(size);
  return size_ <= capacity_ ? success() : map(size_ + slack);
}

Status FileImage::sync() { return file_.sync(); }

}  // namespace cyr::db

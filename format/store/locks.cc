#include "format/store/locks.h"

namespace cyr::store {

namespace {

// Cyrus creates and truncates lock files and never removes them. A file that is not there is held by nobody,
// so looking does not make it.
Result<File> take_lock_file(Io& io, const fs::path& path, LockFor purpose,
                            LockMode mode = LockMode::exclusive) {
  if (purpose == LockFor::examine) {
    auto file = open_locked(io, path, LockMode::shared);
    if (!file && file.error().code == Errc::not_found) {
      return File();
    }
    return file;
  }
  CYR_CHECK(io.make_directories(path.parent_path(), 0755));
  return open_locked(io, path, mode, LockWait::block, {.write = true, .create = true}, 0600);
}

Result<File> take_index(Io& io, const fs::path& path, LockFor purpose) {
  const bool write = purpose != LockFor::examine;
  auto file = open_locked(io, path, write ? LockMode::exclusive : LockMode::shared, LockWait::block,
                          {.write = write});
  if (!file && file.error().code == Errc::not_found) {
    return File();
  }
  return file;
}

}  // namespace

Result<std::shared_ptr<File>> UserLocks::take(Io& io, const fs::path& path, LockFor purpose) {
  if (purpose == LockFor::examine) {
    CYR_TRY(auto file, take_lock_file(io, path, purpose));
    return std::make_shared<File>(std::move(file));
  }
  std::shared_ptr<Slot> slot;
  {
    const std::lock_guard guard(mutex_);
    auto& place = slots_[path.native()];
    if (!place) {
      place = std::make_shared<Slot>();
    }
    slot = place;
  }
  const std::lock_guard guard(slot->mutex);  // only threads of the same user wait for one another here
  if (auto held = slot->file.lock()) {
    return held;
  }
  CYR_TRY(auto file, take_lock_file(io, path, purpose));
  auto held = std::make_shared<File>(std::move(file));
  slot->file = held;
  return held;
}

Result<File> hold_user(Io& io, const MailboxFiles& files) {
  return take_lock_file(io, files.user_lock, LockFor::change, LockMode::shared);
}

Result<File> take_session_lock(Io& io, const MailboxFiles& files) {
  return take_lock_file(io, files.name_lock, io.read_only() ? LockFor::examine : LockFor::change,
                        LockMode::shared);
}

Result<MailboxLock> MailboxLock::take(Io& io, const MailboxFiles& files, LockFor purpose, UserLocks& users) {
  MailboxLock lock;
  CYR_TRY(lock.user_, users.take(io, files.user_lock, purpose));
  CYR_TRY(lock.name_, take_lock_file(io, files.name_lock, purpose,
                                     purpose == LockFor::change ? LockMode::shared : LockMode::exclusive));
  CYR_TRY(lock.index_, take_index(io, files.index, purpose));
  return lock;
}

Result<bool> MailboxLock::become_exclusive() {
  const Status taken = name_.lock(LockMode::exclusive, LockWait::try_once);
  if (!taken && taken.error().code != Errc::locked) {
    return taken.error();
  }
  return taken.has_value();
}

}  // namespace cyr::store

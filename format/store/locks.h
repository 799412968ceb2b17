// The locks of one mailbox in Cyrus's order: user namespace, mailbox name, index (mailbox.md 9;
// format/doc/locks.md). They exclude, and are excluded by, a Cyrus of 2.4 to 3.12 that is running.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "format/base/file.h"
#include "format/store/store.h"

namespace cyr::store {

enum class LockFor : std::uint8_t {
  examine,  // all shared; a lock file that does not exist is not made, since nobody can hold it
  change,   // user and index exclusive, name shared: records may be changed in place, beside open sessions
  replace,  // all exclusive: index, cache and header may be replaced by rename
};

// User namespace locks of this process. Threads that work on mailboxes of one user share the exclusive lock
// instead of waiting for one another.
class UserLocks {
 public:
  Result<std::shared_ptr<File>> take(Io& io, const fs::path& path, LockFor purpose);

 private:
  struct Slot {
    std::mutex mutex;
    std::weak_ptr<File> file;
  };
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Slot>> slots_;  // by path, exclusive locks only
};

// Keeps every server of 3.4 and later from changing any mailbox of the user whose this one is, and lets them
// read: the user namespace lock, shared. Its file is made when there is none.
Result<File> hold_user(Io& io, const MailboxFiles& files);

// What a session keeps while it has a mailbox open, so that others postpone their clean-up: the name lock,
// shared. With a read-only Io, not open when there is no such file.
Result<File> take_session_lock(Io& io, const MailboxFiles& files);

// Held until destroyed; members are released in the reverse order of taking.
class MailboxLock {
 public:
  MailboxLock() = default;
  static Result<MailboxLock> take(Io& io, const MailboxFiles& files, LockFor purpose, UserLocks& users);
  // Makes LockFor::change into LockFor::replace if nobody else has the mailbox open; does not wait.
  Result<bool> become_exclusive();
  [[nodiscard]] bool has_index() const { return index_.is_open(); }
  // The locked cyrus.index, open for writing unless LockFor::examine; not open when there is no such file.
  [[nodiscard]] File& index() { return index_; }

 private:
  std::shared_ptr<File> user_;
  File name_;
  File index_;
};

}  // namespace cyr::store

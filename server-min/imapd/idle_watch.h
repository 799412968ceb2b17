// Wakes an idle session when a file of its mailbox changes, without a daemon (inotify(7)). It only says that
// something may have happened; what, the mailbox view finds out.
#pragma once

#include "format/base/path.h"

namespace cyr::imapd {

class IdleWatch {
 public:
  // Watches the directory of cyrus.index. Without inotify, or for an empty path, descriptor() is -1 and the
  // session polls.
  explicit IdleWatch(const fs::path& index);
  IdleWatch(const IdleWatch&) = delete;
  IdleWatch& operator=(const IdleWatch&) = delete;
  ~IdleWatch();

  [[nodiscard]] int descriptor() const { return fd_; }
  // Takes the events that are there.
  void drain() const;

 private:
  int fd_ = -1;
};

}  // namespace cyr::imapd

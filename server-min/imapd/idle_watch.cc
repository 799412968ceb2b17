// See idle_watch.h.
#include "server-min/imapd/idle_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>

namespace cyr::imapd {

IdleWatch::IdleWatch(const fs::path& index) {
  if (index.empty()) {
    return;
  }
  fd_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd_ == -1) {
    return;
  }
  // cyrus.index is written in place or renamed over; both show in its directory.
  constexpr std::uint32_t kEvents = IN_MODIFY | IN_MOVED_TO | IN_DELETE_SELF;
  if (::inotify_add_watch(fd_, index.parent_path().c_str(), kEvents) == -1) {
    ::close(fd_);
    fd_ = -1;
  }
}

IdleWatch::~IdleWatch() {
  if (fd_ != -1) {
    ::close(fd_);
  }
}

void IdleWatch::drain() const {
  std::array<char, 4096> events{};
  while (::read(fd_, events.data(), events.size()) > 0) {
  }
}

}  // namespace cyr::imapd

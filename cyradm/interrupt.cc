#include "cyradm/interrupt.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace cyr::cyradm {

Result<Interrupt> Interrupt::install() {
  ::sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int fd = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd == -1) {
    return system_error(errno, "signalfd");
  }
  return Interrupt(fd);
}

Interrupt::~Interrupt() {
  if (fd_ != -1) {
    (void)::close(fd_);
  }
}

bool Interrupt::take() {
  bool any = false;
  ::signalfd_siginfo info{};
  while (::read(fd_, &info, sizeof info) == static_cast<::ssize_t>(sizeof info)) {
    any = true;
  }
  return any;
}

}  // namespace cyr::cyradm

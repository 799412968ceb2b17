// Handlers can only reach what is global: two flags, an eventfd that wakes a reading connection, and the last
// word of a waiting worker.
#include "server-min/session/signals.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>

namespace cyr::session {
namespace {

volatile std::sig_atomic_t stop_flag = 0;  // NOLINT
volatile std::sig_atomic_t last_flag = 0;  // NOLINT
int wake_fd = -1;                          // NOLINT
LastWord last_word;                        // NOLINT: changed only while the signals are blocked

constexpr std::array<int, 5> handled = {SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGALRM};

extern "C" void handle(int number) {
  const int kept = errno;
  if (last_word.fd != -1) {
    (void)!::write(last_word.fd, last_word.bytes, last_word.size);
    ::_exit(0);
  }
  if (number != SIGALRM) {
    last_flag = 1;
  }
  if (number != SIGHUP && number != SIGALRM) {
    stop_flag = 1;
    const std::uint64_t one = 1;
    (void)!::write(wake_fd, &one, sizeof one);
  }
  errno = kept;
}

::sigset_t handled_set() {
  ::sigset_t set{};
  ::sigemptyset(&set);
  for (const int number : handled) {
    ::sigaddset(&set, number);
  }
  return set;
}

}  // namespace

Status install_signals() {
  end_on_signal({});
  if (wake_fd != -1) {
    ::close(wake_fd);
  }
  wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd == -1) {
    return system_error(errno, "cannot make an event descriptor");
  }
  struct ::sigaction action {};
  action.sa_handler = handle;
  action.sa_mask = handled_set();
  action.sa_flags = SA_RESTART;
  for (const int number : handled) {
    ::sigaction(number, &action, nullptr);
  }
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);
  return success();
}

int stop_descriptor() { return wake_fd; }
bool stop_requested() { return stop_flag != 0; }
bool last_connection() { return last_flag != 0; }

void end_on_signal(const LastWord& word) {
  const ::sigset_t set = handled_set();
  ::sigset_t before{};
  ::sigprocmask(SIG_BLOCK, &set, &before);
  last_word = word;
  if (word.fd != -1 && last_flag != 0) {  // it came just before
    (void)!::write(word.fd, word.bytes, word.size);
    ::_exit(0);
  }
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

void end_after(unsigned seconds) { ::alarm(seconds); }

}  // namespace cyr::session

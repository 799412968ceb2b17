// The accept loop and the protocol on descriptor 3.
//
// Workers of one instance take turns by a lock file, so that a connection wakes one of them. A worker that
// waits can be ended at any time; between accept() and the word to master that it is busy, and from there to
// the end of the session, signals only set flags.
#include "server-min/session/worker.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <random>

#include "format/base/file.h"
#include "format/base/log.h"
#include "format/base/signals_blocked.h"
#include "format/base/text.h"
#include "server-min/session/own_files.h"
#include "server-min/session/session.h"
#include "server-min/session/signals.h"

namespace cyr::session {
namespace {

constexpr int status_fd = 3;
constexpr int listen_fd = 4;

// What master understands; a record in the layout of this machine (server.md 1.3).
enum class Message : int { available = 1, unavailable = 2, connection = 3 };
struct StatusRecord {
  int message = 0;
  ::pid_t pid = 0;
};

void tell_master(Message message) {
  const StatusRecord record{static_cast<int>(message), ::getpid()};
  while (::write(status_fd, &record, sizeof record) == -1) {
    if (errno != EINTR) {
      log(LogLevel::error, "cannot tell master about this process: {}", system_error(errno, "write").text());
      return;
    }
  }
}

class Turns {
 public:
  static Result<Turns> open(const Service& service) {
    const char* id = std::getenv("CYRUS_ID");  // NOLINT(concurrency-mt-unsafe)
    const fs::path path = service.config().config_directory() / "socket" /
                          (service.name() + "-" + (id != nullptr ? id : "0") + ".lock");
    CYR_CHECK(posix_io().make_directories(path.parent_path(), 0755));
    CYR_TRY(File file, File::open(posix_io(), path, {.write = true, .create = true}));
    return Turns(std::move(file));
  }
  Status take() { return file_.lock(LockMode::exclusive); }
  Status give() { return file_.unlock(); }

 private:
  explicit Turns(File file) : file_(std::move(file)) {}
  File file_;
};

// -1: nothing to serve (the client went away, or too few descriptors).
Result<int> accept_one() {
  std::array<::pollfd, 1> list{{{listen_fd, POLLIN, 0}}};
  ::sigset_t none{};
  ::sigemptyset(&none);
  while (::ppoll(list.data(), list.size(), nullptr, &none) < 1) {
    if (errno != EINTR) {
      return system_error(errno, "cannot wait for a connection");
    }
  }
  const int fd = ::accept4(listen_fd, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd != -1) {
    return fd;
  }
  switch (errno) {
    case EINTR:
    case EAGAIN:
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return -1;
    default:
      return system_error(errno, "cannot accept a connection");
  }
}

unsigned idle_time(const WorkerLimits& limits) {
  if (limits.idle_seconds == 0) {
    return 0;
  }
  std::random_device random;
  const auto base = static_cast<unsigned>(limits.idle_seconds);
  return base + random() % (base + 1);
}

// Waits for its turn and a connection. Signals and the idle time end the process here.
Result<int> next_connection(Turns& turns, const WorkerLimits& limits) {
  const StatusRecord leaving{static_cast<int>(Message::unavailable), ::getpid()};
  end_on_signal({status_fd, &leaving, sizeof leaving});
  end_after(idle_time(limits));
  const Status turn = turns.take();  // signals come through
  const SignalsBlocked blocked;
  Result<int> fd = -1;
  if (turn) {
    while (fd && *fd == -1) {
      fd = accept_one();  // and here
    }
  }
  end_after(0);
  end_on_signal({});
  CYR_CHECK(turn);
  CYR_CHECK(turns.give());
  return fd;
}

}  // namespace

Result<int> serve_connections(Service& service, const WorkerLimits& limits, const char* program_path) {
  const OwnFiles own({program_path});  // when it was replaced the next connection is for the new one
  CYR_TRY(Turns turns, Turns::open(service));
  for (int served = 0;;) {
    CYR_TRY(const int fd, next_connection(turns, limits));
    tell_master(Message::unavailable);
    tell_master(Message::connection);
    serve_one(service, fd, fd);
    ++served;
    if (last_connection() || served >= limits.uses || own.changed()) {
      return 0;
    }
    tell_master(Message::available);
  }
}

void serve_standard_io(Service& service) { serve_one(service, STDIN_FILENO, STDOUT_FILENO); }

}  // namespace cyr::session

#include "format/wire/dial.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace cyr::wire {
namespace {

using Clock = std::chrono::steady_clock;

// Closes what no connection has taken over.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd_ != -1) {
      (void)::close(fd_);
    }
  }
  [[nodiscard]] int fd() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

struct AddressesFree {
  void operator()(::addrinfo* list) const { ::freeaddrinfo(list); }
};

std::string address_text(const ::sockaddr* address, ::socklen_t size) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (::getnameinfo(address, size, host.data(), host.size(), port.data(), port.size(),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return {};
  }
  return std::string(host.data()) + ";" + port.data();
}

bool is_loopback(const ::sockaddr* address) {
  if (address->sa_family == AF_INET) {
    ::sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    return (ntohl(v4.sin_addr.s_addr) >> 24U) == 127;
  }
  ::sockaddr_in6 v6{};
  std::memcpy(&v6, address, sizeof v6);
  return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

// Waits until connect(2) is over.
Status finish_connect(int fd, Clock::time_point deadline, int wake_fd) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    std::array<::pollfd, 2> list{{{fd, POLLOUT, 0}, {wake_fd, POLLIN, 0}}};
    const int ready = ::poll(list.data(), list.size(),
                             static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000'000)));
    if (ready == -1 && errno == EINTR) {
      continue;
    }
    if (ready == -1) {
      return system_error(errno, "cannot connect");
    }
    if (list[1].revents != 0) {
      return system_error(EINTR, "cannot connect");
    }
    if (ready == 0) {
      return system_error(ETIMEDOUT, "cannot connect");
    }
    int error = 0;
    ::socklen_t size = sizeof error;
    (void)::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0 ? success() : Status(system_error(error, "cannot connect"));
  }
}

Result<Dialled> dial_address(const ::addrinfo& address, Clock::time_point deadline, int wake_fd) {
  Socket socket(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol));
  if (socket.fd() == -1) {
    return system_error(errno, "cannot connect");
  }
  if (::connect(socket.fd(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) {
      return system_error(errno, "cannot connect");
    }
    CYR_CHECK(finish_connect(socket.fd(), deadline, wake_fd));
  }
  int off = 0;
  int on = 1;
  (void)::ioctl(socket.fd(), FIONBIO, &off);
  // Commands are small and answered one by one: no waiting for more to send.
  (void)::setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  Dialled out;
  ::sockaddr_storage own{};
  ::socklen_t size = sizeof own;
  auto* const own_address = reinterpret_cast<::sockaddr*>(&own);  // NOLINT
  if (::getsockname(socket.fd(), own_address, &size) == 0) {
    out.own_address = address_text(own_address, size);
  }
  out.peer_address = address_text(address.ai_addr, address.ai_addrlen);
  out.local = is_loopback(address.ai_addr);
  const int fd = socket.release();
  out.connection = std::make_unique<Connection>(fd, fd);
  return out;
}

}  // namespace

Result<Dialled> dial(const std::string& host, const std::string& port, std::chrono::milliseconds timeout,
                     int wake_fd) {
  const auto deadline = Clock::now() + timeout;
  ::addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  ::addrinfo* raw = nullptr;
  int code = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &raw);
  if (code == EAI_NONAME || code == EAI_ADDRFAMILY) {  // AI_ADDRCONFIG forgets ::1 where only loopback is up
    hints.ai_flags = 0;
    code = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &raw);
  }
  if (code != 0) {
    return make_error(Errc::not_found, code == EAI_NONAME ? "unknown host \"" + host + "\""
                                                          : host + ": " + ::gai_strerror(code));
  }
  const std::unique_ptr<::addrinfo, AddressesFree> list(raw);
  Result<Dialled> result = make_error(Errc::not_found, "unknown host \"" + host + "\"");
  for (const ::addrinfo* address = list.get(); address != nullptr; address = address->ai_next) {
    result = dial_address(*address, deadline, wake_fd);
    if (result || is_woken(result.error()) || Clock::now() >= deadline) {
      break;
    }
  }
  return result;
}

Result<Dialled> dial_unix(const std::string& path) {
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return make_error(Errc::invalid, "the path of the socket is too long").at(path);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.fd() == -1 ||
      ::connect(socket.fd(), reinterpret_cast<const ::sockaddr*>(&address), sizeof address) != 0) {  // NOLINT
    return system_error(errno, "cannot connect", path);
  }
  Dialled out;
  out.local = true;
  const int fd = socket.release();
  out.connection = std::make_unique<Connection>(fd, fd);
  return out;
}

}  // namespace cyr::wire

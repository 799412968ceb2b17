// The sockets of a service: `listen` and `proto` of cyrus.conf (server.md 1.2).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "format/base/error.h"

namespace cyr::master {

// `listen`, taken apart.
struct ListenAddress {
  std::string path;  // a UNIX socket; then the rest is empty
  std::string host;  // empty: every address
  std::string port;  // number or service name
};
// Errc::config: no port, a missing ']', a path that no socket address can hold.
Result<ListenAddress> parse_listen(std::string_view text);

// Closes itself.
class Listener {
 public:
  Listener(int fd, std::string family, bool datagram)
      : fd_(fd), family_(std::move(family)), datagram_(datagram) {}
  Listener(Listener&& other) noexcept { swap(other); }
  Listener& operator=(Listener&& other) noexcept {
    swap(other);
    return *this;
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] const std::string& family() const { return family_; }  // "ipv4", "ipv6", "unix"
  [[nodiscard]] bool is_datagram() const { return datagram_; }

 private:
  void swap(Listener& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(family_, other.family_);
    std::swap(datagram_, other.datagram_);
  }
  int fd_ = -1;
  std::string family_;
  bool datagram_ = false;
};

// One per address. Addresses that cannot be bound are in `problems`. Errc::config for an unknown `proto` or
// an address that does not resolve.
struct Listeners {
  std::vector<Listener> sockets;
  std::vector<Error> problems;
};
Result<Listeners> open_listeners(const ListenAddress& address, std::string_view proto, int backlog);

}  // namespace cyr::master

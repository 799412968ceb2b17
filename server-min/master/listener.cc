#include "server-min/master/listener.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "format/base/io.h"
#include "format/base/text.h"

namespace cyr::master {
namespace {

struct Protocol {
  std::string_view name;
  int family;
  int type;
};
constexpr std::array<Protocol, 6> protocols = {{{"tcp", AF_UNSPEC, SOCK_STREAM},
                                                {"tcp4", AF_INET, SOCK_STREAM},
                                                {"tcp6", AF_INET6, SOCK_STREAM},
                                                {"udp", AF_UNSPEC, SOCK_DGRAM},
                                                {"udp4", AF_INET, SOCK_DGRAM},
                                                {"udp6", AF_INET6, SOCK_DGRAM}}};

Result<Protocol> find_protocol(std::string_view name) {
  const auto* const row =
      std::find_if(protocols.begin(), protocols.end(), [&](const auto& entry) { return entry.name == name; });
  if (row == protocols.end()) {
    return make_error(Errc::config, "proto '" + printable(name) + "' is none of tcp tcp4 tcp6 udp udp4 udp6");
  }
  return *row;
}

Error no_port(std::string_view text) {
  return make_error(Errc::config, "listen '" + printable(text) + "' has no port");
}

bool looks_like_ipv4(std::string_view text) {
  return std::count(text.begin(), text.end(), '.') == 3 &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
}

Result<Listener> bind_and_listen(int fd, const ::sockaddr* address, ::socklen_t size, std::string family,
                                 bool datagram, int backlog) {
  Listener out(fd, std::move(family), datagram);
  if (::bind(fd, address, size) != 0) {
    return system_error(errno, "cannot bind");
  }
  if (!datagram && ::listen(fd, backlog) != 0) {
    return system_error(errno, "cannot listen");
  }
  return out;
}

Result<Listener> open_unix(const std::string& path, int type, int backlog) {
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  CYR_CHECK(posix_io().make_directories(fs::path(path).parent_path(), 0755));
  if (auto gone = posix_io().unlink(path); !gone && gone.error().code != Errc::not_found) {
    return std::move(gone).error();
  }
  const int fd = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  if (fd == -1) {
    return system_error(errno, "cannot make a socket", path);
  }
  auto out =
      bind_and_listen(fd, reinterpret_cast<const ::sockaddr*>(&address), sizeof address, "unix",  // NOLINT
                      type == SOCK_DGRAM, backlog);
  if (!out) {
    return std::move(out).error().at(path);
  }
  CYR_CHECK(posix_io().set_mode(path, 0777));  // who may connect is said by the directory
  return out;
}

Result<Listener> open_inet(const ::addrinfo& info, int backlog) {
  const int fd = ::socket(info.ai_family, info.ai_socktype | SOCK_CLOEXEC, info.ai_protocol);
  if (fd == -1) {
    return system_error(errno, "cannot make a socket");
  }
  const int on = 1;
  (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (info.ai_family == AF_INET6) {
    (void)::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  return bind_and_listen(fd, info.ai_addr, info.ai_addrlen, info.ai_family == AF_INET6 ? "ipv6" : "ipv4",
                         info.ai_socktype == SOCK_DGRAM, backlog);
}

}  // namespace

Listener::~Listener() {
  if (fd_ != -1) {
    ::close(fd_);
  }
}

Result<ListenAddress> parse_listen(std::string_view text) {
  ListenAddress out;
  if (text.empty()) {
    return no_port(text);
  }
  if (text.front() == '/') {
    if (text.size() >= sizeof(::sockaddr_un::sun_path)) {
      return make_error(Errc::config,
                        fmt::format("listen '{}' is longer than {} bytes, which no socket can have",
                                    printable(text), sizeof(::sockaddr_un::sun_path) - 1));
    }
    out.path = text;
    return out;
  }
  if (text.front() == '[') {
    const auto end = text.find(']');
    if (end == std::string_view::npos) {
      return make_error(Errc::config, "listen '" + printable(text) + "' has no ']'");
    }
    out.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (!text.empty() && text.front() != ':') {
      return no_port(text);
    }
    out.port = text.empty() ? "" : text.substr(1);
    return out;
  }
  const auto colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    out.host = text.substr(0, colon);
    out.port = text.substr(colon + 1);
    return out.port.empty() ? Result<ListenAddress>(no_port(text)) : out;
  }
  (looks_like_ipv4(text) ? out.host : out.port) = text;
  return out;
}

Result<Listeners> open_listeners(const ListenAddress& address, std::string_view proto, int backlog) {
  CYR_TRY(const Protocol protocol, find_protocol(proto));
  Listeners out;
  const auto keep = [&out](Result<Listener> socket, const std::string& where) {
    if (socket) {
      out.sockets.push_back(std::move(*socket));
    } else {
      Error error = std::move(socket).error();
      out.problems.push_back(std::move(error.at(where)));
    }
  };
  if (!address.path.empty()) {
    keep(open_unix(address.path, protocol.type, backlog), address.path);
    return out;
  }
  ::addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_family = protocol.family;
  hints.ai_socktype = protocol.type;
  ::addrinfo* list = nullptr;
  const int code = ::getaddrinfo(address.host.empty() ? nullptr : address.host.c_str(),
                                 address.port.empty() ? nullptr : address.port.c_str(), &hints, &list);
  if (code != 0) {
    return make_error(Errc::config, fmt::format("listen '{}:{}': {}", printable(address.host),
                                                printable(address.port), ::gai_strerror(code)));
  }
  const std::unique_ptr<::addrinfo, void (*)(::addrinfo*)> owner(list, ::freeaddrinfo);
  for (const ::addrinfo* info = list; info != nullptr; info = info->ai_next) {
    if (info->ai_family == AF_INET || info->ai_family == AF_INET6) {
      keep(open_inet(*info, backlog), address.host + ":" + address.port);
    }
  }
  return out;
}

}  // namespace cyr::master

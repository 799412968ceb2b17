// Opening a connection as a client: a host and port, or a UNIX socket.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "format/wire/connection.h"

namespace cyr::wire {

struct Dialled {
  std::unique_ptr<Connection> connection;
  bool local = false;        // a UNIX socket or a loopback address: nobody else can listen
  std::string own_address;   // "192.0.2.1;4711" as SASL writes it; "" for a UNIX socket
  std::string peer_address;  // "192.0.2.2;143"
};

// Every address of `host` in turn. Errc::not_found: unknown host; Errc::io: nobody there, or not within
// `timeout` (for all addresses together); is_woken when `wake_fd` (-1: none) becomes readable meanwhile.
Result<Dialled> dial(const std::string& host, const std::string& port, std::chrono::milliseconds timeout,
                     int wake_fd = -1);
// Errc::io, with the path.
Result<Dialled> dial_unix(const std::string& path);

}  // namespace cyr::wire

// A connection: buffered lines and counted bytes over one descriptor to read from and one to write to (the
// same for a socket, two pipes for a service that talks on stdin and stdout), through any layers.
//
// One process serves one connection, so reading blocks, but never longer than the timeout, and a watched
// descriptor ends the wait. Memory is bounded: 64 KiB of output, one read of input, and the limit that
// read_line is given. A peer that does not read is an error after the same timeout.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/wire/layer.h"

namespace cyr::wire {

// Why a read or write ended early. The Error is Errc::io with one of these in sys_errno:
[[nodiscard]] bool is_closed(const Error& error);    // end of file, or reset by the peer
[[nodiscard]] bool is_timeout(const Error& error);   // nothing came, or went, in time
[[nodiscard]] bool is_too_long(const Error& error);  // read_line: the line was skipped to its end
[[nodiscard]] bool is_woken(const Error& error);     // the watched descriptor became readable

enum class Wake : std::uint8_t { input, other, watched, timeout };

class Connection {
 public:
  using Milliseconds = std::chrono::milliseconds;

  // Takes over both descriptors and closes them in the end; they may be the same.
  Connection(int in_fd, int out_fd) : in_fd_(in_fd), out_fd_(out_fd) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // For every wait from now on: a whole line has to come within it; for counted bytes and output, some byte.
  void set_timeout(Milliseconds timeout) { timeout_ = timeout; }
  [[nodiscard]] Milliseconds timeout() const { return timeout_; }
  // While `fd` is readable, reading ends with is_woken (signals, a shutdown notice); -1: none. Not owned.
  void watch(int fd) { watched_ = fd; }

  // The next line without its LF or CRLF. Output is flushed before waiting. A line of more than `limit` bytes
  // (without line end) is skipped to its end and is_too_long; one without end is given up after 1 MiB.
  Result<std::string> read_line(std::size_t limit);
  // Exactly `count` bytes, in pieces as they come; `take` may be called often. Its error ends the reading.
  Status read_counted(std::uint64_t count, const std::function<Status(Bytes)>& take);
  // Hands over what is buffered or comes next until `take` has enough; what it did not use stays.
  struct Taken {
    std::size_t used = 0;  // bytes; all of them unless `enough`
    bool enough = false;
  };
  Status read_until(const std::function<Result<Taken>(Bytes)>& take);
  // Exactly `count` bytes as a string; `count` must have been checked against a limit.
  Result<std::string> read_exactly(std::size_t count);
  // Everything that is buffered or comes next, at most `most` bytes: at least one byte.
  Result<std::string> read_some(std::size_t most);
  // True when bytes are buffered that were not read yet: the client did not wait for an answer.
  [[nodiscard]] bool has_input() const { return input_at_ < input_.size(); }
  // Flushes, then waits until there is input (or the end of it), `other` is readable, the watched descriptor
  // is, or the time is over; a negative timeout waits forever.
  Result<Wake> wait(Milliseconds timeout, int other = -1);

  // Buffered; an error stays and comes from flush(), so that it need not be checked after every word.
  void write(std::string_view text);
  void write(Bytes bytes) { write(as_text(bytes)); }
  Status flush();
  // The first error of writing, if any; the session should end then.
  [[nodiscard]] const std::optional<Error>& write_error() const { return write_error_; }

  // Puts a layer on top of those there are, after its handshake. `drop_input`: what was read already is
  // thrown away: a server that starts TLS must not take commands that somebody put in front of it (a client
  // neither). Otherwise it is the layer's first input.
  Status push_layer(std::unique_ptr<Layer> layer, bool drop_input);

  // Sees the plain bytes: received (as they are read from the descriptor) and sent (as they are flushed).
  using Tap = std::function<void(bool sent, Bytes bytes)>;
  void set_tap(Tap tap) { tap_ = std::move(tap); }

  // Flushes, says goodbye through the layers, closes. Errors do not matter any more.
  void close();
  [[nodiscard]] bool is_open() const { return in_fd_ != -1; }
  [[nodiscard]] int input_descriptor() const { return in_fd_; }
  [[nodiscard]] std::uint64_t bytes_in() const { return bytes_in_; }    // plain
  [[nodiscard]] std::uint64_t bytes_out() const { return bytes_out_; }  // plain

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  struct Waiting {
    int fd = -1;
    short events = 0;
    int other = -1;
  };
  Result<Wake> wait_for(const Waiting& what, Deadline deadline) const;
  // Appends at least one plain byte to input_.
  Status fill(Deadline deadline);
  Result<Buffer> read_raw(Deadline deadline);
  // Feeds `bytes` to layer `from` and those above it; what comes out goes to input_.
  Status decode_from(std::size_t from, Bytes bytes);
  Status send_through(std::size_t layers, Bytes plain);
  Status write_raw(Bytes bytes) const;
  Result<std::size_t> write_once(Bytes bytes) const;
  Status skip_line(Deadline deadline);
  Status send_output();
  void take_input(std::size_t count);
  Buffer take_all();
  Status shake_hands(Layer& layer);

  int in_fd_;
  int out_fd_;
  int watched_ = -1;
  Milliseconds timeout_{60'000};
  Buffer input_;  // plain, read but not taken; from input_at_ on
  std::size_t input_at_ = 0;
  std::string output_;
  std::optional<Error> write_error_;
  std::vector<std::unique_ptr<Layer>> layers_;  // the one next to the wire first
  Tap tap_;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
};

}  // namespace cyr::wire

// Reading, writing and waiting of a connection. Sockets are never switched to O_NONBLOCK: that flag would
// also hold for whoever shares the descriptor (stdin of a terminal); poll(2) before each call and
// MSG_DONTWAIT do instead.
#include "format/wire/connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

namespace cyr::wire {
namespace {

using Deadline = std::chrono::steady_clock::time_point;

constexpr std::size_t read_size = 16U << 10U;
constexpr std::size_t output_size = 32U << 10U;  // flushed when more has gathered
constexpr std::size_t endless_line = 1U << 20U;  // bytes of a too long line that are read to find its end
constexpr std::size_t safe_pipe_write = 4096;    // PIPE_BUF: what poll promises for a pipe
constexpr int closed = ECONNRESET, timed_out = ETIMEDOUT, too_long = EMSGSIZE, woken = EINTR;

Error trouble(int number, std::string what) {
  Error error = make_error(Errc::io, std::move(what));
  error.sys_errno = number;
  return error;
}
Error closed_error() { return trouble(closed, "the connection was closed by the other side"); }
Error timeout_error() { return trouble(timed_out, "nothing came from the other side in time"); }

bool has(const Error& error, int number) { return error.code == Errc::io && error.sys_errno == number; }

Deadline deadline_after(Connection::Milliseconds timeout) {
  return timeout.count() < 0 ? Deadline::max() : std::chrono::steady_clock::now() + timeout;
}

// False when the time is over before any of the descriptors is ready. A signal does not end it.
Result<bool> poll_until(std::span<::pollfd> list, Deadline deadline) {
  while (true) {
    int milliseconds = -1;
    if (deadline != Deadline::max()) {
      const auto left =
          std::chrono::ceil<Connection::Milliseconds>(deadline - std::chrono::steady_clock::now());
      milliseconds = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000'000));
    }
    const int ready = ::poll(list.data(), list.size(), milliseconds);
    if (ready == -1 && errno != EINTR) {
      return system_error(errno, "cannot wait for the connection");
    }
    if (ready >= 0) {
      return ready > 0;
    }
  }
}

bool means_closed(int number) { return number == ECONNRESET || number == EPIPE || number == ENOTCONN; }

}  // namespace

bool is_closed(const Error& error) { return has(error, closed); }
bool is_timeout(const Error& error) { return has(error, timed_out); }
bool is_too_long(const Error& error) { return has(error, too_long); }
bool is_woken(const Error& error) { return has(error, woken); }

Connection::~Connection() { close(); }

Result<Wake> Connection::wait_for(const Waiting& what, Deadline deadline) const {
  std::array<::pollfd, 3> list{{{what.fd, what.events, 0}, {what.other, POLLIN, 0}, {watched_, POLLIN, 0}}};
  CYR_TRY(const bool ready, poll_until(list, deadline));
  if (!ready) {
    return Wake::timeout;
  }
  // What the peer has sent already is served before a wake-up ends the reading.
  return list[0].revents != 0 ? Wake::input : list[1].revents != 0 ? Wake::other : Wake::watched;
}

Result<Buffer> Connection::read_raw(Deadline deadline) {
  if (in_fd_ == -1) {
    return closed_error();
  }
  CYR_TRY(const Wake wake, wait_for({in_fd_, POLLIN, -1}, deadline));
  if (wake == Wake::timeout) {
    return timeout_error();
  }
  if (wake == Wake::watched) {
    return trouble(woken, "woken up");
  }
  Buffer buffer(read_size);
  while (true) {
    const ::ssize_t count = ::read(in_fd_, buffer.data(), buffer.size());
    if (count > 0) {
      buffer.resize(static_cast<std::size_t>(count));
      return buffer;
    }
    if (count == 0 || means_closed(errno)) {
      return closed_error();
    }
    if (errno != EINTR) {
      return system_error(errno, "cannot read from the connection");
    }
  }
}

Status Connection::decode_from(std::size_t from, Bytes bytes) {
  Buffer current(bytes.begin(), bytes.end());
  for (std::size_t i = from; i < layers_.size(); ++i) {
    Buffer plain;
    Buffer reply;
    CYR_CHECK(layers_[i]->decode(current, plain, reply));
    CYR_CHECK(send_through(i, reply));
    current.swap(plain);
    if (current.empty()) {
      return success();
    }
  }
  if (tap_) {
    tap_(false, current);
  }
  bytes_in_ += current.size();
  input_.insert(input_.end(), current.begin(), current.end());
  return success();
}

Status Connection::fill(Deadline deadline) {
  if (!has_input()) {
    input_.clear();
    input_at_ = 0;
  }
  const std::size_t before = input_.size();
  while (input_.size() == before) {
    // What a layer still holds comes first, the topmost one's before what lies below it.
    std::size_t with_more = layers_.size();
    while (with_more > 0 && !layers_[with_more - 1]->has_more()) {
      --with_more;
    }
    if (with_more > 0) {
      CYR_CHECK(decode_from(with_more - 1, {}));
      continue;
    }
    CYR_TRY(const Buffer raw, read_raw(deadline));
    CYR_CHECK(decode_from(0, raw));
  }
  return success();
}

void Connection::take_input(std::size_t count) {
  input_at_ += count;
  if (input_at_ == input_.size()) {
    input_.clear();
    input_at_ = 0;
  }
}

Status Connection::skip_line(Deadline deadline) {
  std::size_t skipped = 0;
  while (skipped < endless_line) {
    const auto begin = input_.begin() + static_cast<std::ptrdiff_t>(input_at_);
    const auto end = std::find(begin, input_.end(), std::byte{'\n'});
    if (end != input_.end()) {
      take_input(static_cast<std::size_t>(end - begin) + 1);
      return trouble(too_long, "the line is too long");
    }
    skipped += input_.size() - input_at_;
    take_input(input_.size() - input_at_);
    CYR_CHECK(fill(deadline));
  }
  return closed_error();
}

Result<std::string> Connection::read_line(std::size_t limit) {
  std::optional<Deadline> deadline;  // not asked for where the line is there already: most lines are
  std::size_t searched = 0;
  while (true) {
    const std::string_view here = as_text(Bytes(input_).subspan(input_at_));
    const std::size_t end = here.find('\n', searched);
    searched = std::min(end, here.size());
    if (end != std::string_view::npos) {
      std::string line(here.substr(0, end));
      if (!line.empty() && line.back() == '\r') {
        line.pop_back();
      }
      take_input(searched + 1);
      return line.size() > limit ? Result<std::string>(trouble(too_long, "the line is too long")) : line;
    }
    deadline = deadline ? deadline : deadline_after(timeout_);
    if (searched > limit + 1) {
      CYR_CHECK(skip_line(*deadline));
    }
    CYR_CHECK(flush());
    if (input_at_ > 0) {  // so that a long line does not carry those before it along
      input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(input_at_));
      input_at_ = 0;
    }
    CYR_CHECK(fill(*deadline));
  }
}

Status Connection::read_counted(std::uint64_t count, const std::function<Status(Bytes)>& take) {
  while (count > 0) {
    if (!has_input()) {
      CYR_CHECK(flush());
      CYR_CHECK(fill(deadline_after(timeout_)));
    }
    const std::size_t part =
        static_cast<std::size_t>(std::min<std::uint64_t>(count, input_.size() - input_at_));
    const Status taken = take(Bytes(input_).subspan(input_at_, part));
    take_input(part);
    count -= part;
    CYR_CHECK(taken);
  }
  return success();
}

Status Connection::read_until(const std::function<Result<Taken>(Bytes)>& take) {
  while (true) {
    if (!has_input()) {
      CYR_CHECK(flush());
      CYR_CHECK(fill(deadline_after(timeout_)));
    }
    CYR_TRY(const Taken taken, take(Bytes(input_).subspan(input_at_)));
    take_input(taken.enough ? std::min(taken.used, input_.size() - input_at_) : input_.size() - input_at_);
    if (taken.enough) {
      return success();
    }
  }
}

Result<std::string> Connection::read_exactly(std::size_t count) {
  std::string out;
  CYR_CHECK(read_counted(count, [&](Bytes part) {
    out.append(as_text(part));
    return success();
  }));
  return out;
}

Result<std::string> Connection::read_some(std::size_t most) {
  if (!has_input()) {
    CYR_CHECK(flush());
    CYR_CHECK(fill(deadline_after(timeout_)));
  }
  const std::size_t part = std::min(most, input_.size() - input_at_);
  std::string out(as_text(Bytes(input_).subspan(input_at_, part)));
  take_input(part);
  return out;
}

Result<Wake> Connection::wait(Milliseconds timeout, int other) {
  CYR_CHECK(flush());
  const bool held =
      std::any_of(layers_.begin(), layers_.end(), [](const auto& layer) { return layer->has_more(); });
  if (has_input() || held) {
    return Wake::input;
  }
  return wait_for({in_fd_, POLLIN, other}, deadline_after(timeout));
}

void Connection::write(std::string_view text) {
  if (write_error_) {
    return;
  }
  output_.append(text);
  if (output_.size() >= output_size) {
    (void)send_output();  // kept in write_error_
  }
}

Status Connection::flush() { return write_error_ ? Status(*write_error_) : send_output(); }

Status Connection::send_output() {
  if (output_.empty()) {
    return success();
  }
  const Bytes plain = as_bytes(output_);
  if (tap_) {
    tap_(true, plain);
  }
  bytes_out_ += plain.size();
  Status sent = send_through(layers_.size(), plain);
  output_.clear();
  if (output_.capacity() > 4 * output_size) {  // a large text was written at once
    output_.shrink_to_fit();
  }
  if (!sent) {
    write_error_ = sent.error();
  }
  return sent;
}

// Through the lowest `layers` layers, highest first.
Status Connection::send_through(std::size_t layers, Bytes plain) {
  if (plain.empty()) {
    return success();
  }
  if (layers == 0) {
    return write_raw(plain);
  }
  Buffer current(plain.begin(), plain.end());
  for (std::size_t i = layers; i-- > 0;) {
    Buffer out;
    CYR_CHECK(layers_[i]->encode(current, out));
    current.swap(out);
  }
  return write_raw(current);
}

Result<std::size_t> Connection::write_once(Bytes bytes) const {
  ::ssize_t count = ::send(out_fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count == -1 && errno == ENOTSOCK) {
    count = ::write(out_fd_, bytes.data(), std::min(bytes.size(), safe_pipe_write));
  }
  if (count >= 0) {
    return static_cast<std::size_t>(count);
  }
  if (means_closed(errno)) {
    return closed_error();
  }
  if (errno == EAGAIN || errno == EINTR) {
    return std::size_t{0};
  }
  return system_error(errno, "cannot write to the connection");
}

// A request to stop (watch) does not cut an answer in two; the timeout still holds.
Status Connection::write_raw(Bytes bytes) const {
  while (!bytes.empty()) {
    if (out_fd_ == -1) {
      return closed_error();
    }
    std::array<::pollfd, 1> list{{{out_fd_, POLLOUT, 0}}};
    CYR_TRY(const bool ready, poll_until(list, deadline_after(timeout_)));
    if (!ready) {
      return trouble(timed_out, "the other side does not read");
    }
    CYR_TRY(const std::size_t count, write_once(bytes));
    bytes = bytes.subspan(count);
  }
  return success();
}

Buffer Connection::take_all() {
  Buffer out(input_.begin() + static_cast<std::ptrdiff_t>(input_at_), input_.end());
  input_.clear();
  input_at_ = 0;
  bytes_in_ -= out.size();
  return out;
}

Status Connection::shake_hands(Layer& layer) {
  const Deadline deadline = deadline_after(timeout_);
  Buffer in;
  while (true) {
    Buffer reply;
    const Result<bool> ready = layer.handshake(in, reply);
    CYR_CHECK(send_through(layers_.size(), reply));  // after an error: what it was
    if (!ready) {
      return ready.error();
    }
    if (*ready) {
      return success();
    }
    CYR_CHECK(fill(deadline));
    in = take_all();
  }
}

Status Connection::push_layer(std::unique_ptr<Layer> layer, bool drop_input) {
  CYR_CHECK(flush());
  const Buffer early = take_all();
  Tap tap;  // sees nothing of a handshake
  tap.swap(tap_);
  Status ready = shake_hands(*layer);
  tap.swap(tap_);
  CYR_CHECK(ready);
  layers_.push_back(std::move(layer));
  return drop_input || early.empty() ? success() : decode_from(layers_.size() - 1, early);
}

void Connection::close() {
  if (in_fd_ == -1) {
    return;
  }
  timeout_ = std::min(timeout_, Milliseconds(5'000));
  if (flush()) {
    for (std::size_t i = layers_.size(); i-- > 0;) {
      Buffer last;
      layers_[i]->finish(last);
      (void)send_through(i, last);
    }
  }
  if (out_fd_ != in_fd_) {
    ::close(out_fd_);
  }
  ::close(in_fd_);
  in_fd_ = out_fd_ = -1;
  layers_.clear();
}

}  // namespace cyr::wire

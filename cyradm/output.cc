#include "cyradm/output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "format/base/io.h"
#include "format/base/text.h"

namespace cyr::cyradm {
namespace {

constexpr std::size_t buffer_size = std::size_t{64} << 10;
constexpr std::size_t default_width = 79;

bool wants_colours() {
  const char* term = std::getenv("TERM");
  return std::getenv("NO_COLOR") == nullptr && term != nullptr && std::string_view(term) != "dumb";
}

}  // namespace

Output::Output(int fd, bool owned)
    : fd_(fd),
      owned_(owned),
      terminal_(fd >= 0 && ::isatty(fd) == 1),
      colours_(terminal_ && wants_colours()) {}

Output::~Output() {
  (void)flush();
  if (owned_) {
    (void)::close(fd_);
  }
}

void Output::write(std::string_view text) {
  buffer_.append(text);
  if (buffer_.size() >= buffer_size) {
    (void)flush();
  }
}

Status Output::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty() && error_ == 0) {
    const ::ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
  buffer_.clear();
  if (error_ != 0) {
    return system_error(error_, fd_ == 1 ? "standard output" : "write");
  }
  return success();
}

std::string Output::styled(std::string_view style, std::string_view text) const {
  return colours_ ? fmt::format("\x1b[{}m{}\x1b[0m", style, text) : std::string(text);
}

std::size_t line_width(const Output& output) {
  // A shell that exports COLUMNS does so once; the window may have been resized since.
  ::winsize window{};
  if (output.terminal() && ::ioctl(output.fd(), TIOCGWINSZ, &window) == 0 && window.ws_col > 1) {
    return window.ws_col - 1U;
  }
  const char* columns = std::getenv("COLUMNS");
  const auto number = columns != nullptr ? parse_number<std::size_t>(columns) : std::nullopt;
  return number && *number > 0 ? *number : default_width;
}

Streams::Streams() {
  for (int fd = 0; fd < 3; ++fd) {
    open_[static_cast<std::size_t>(fd)] = std::make_shared<Output>(fd, false);
  }
}

Output& Streams::at(int fd) {
  const auto& slot = open_[static_cast<std::size_t>(fd)];
  return slot != nullptr ? *slot : closed_;
}

Status Streams::apply(const Redirect& redirect) {
  auto& slot = open_[static_cast<std::size_t>(redirect.fd)];
  switch (redirect.kind) {
    case Redirect::Kind::close:
      slot = nullptr;
      return success();
    case Redirect::Kind::duplicate: {
      const auto& source = open_[static_cast<std::size_t>(redirect.source_fd)];
      if (source == nullptr) {
        return make_error(Errc::invalid,
                          "file descriptor `" + std::to_string(redirect.source_fd) + "' not open");
      }
      slot = source;
      return success();
    }
    default:
      break;
  }
  const bool write = redirect.kind != Redirect::Kind::read;
  auto opened = posix_io().open(
      redirect.target, {.write = write, .create = write, .truncate = redirect.kind == Redirect::Kind::write},
      0666);
  if (!opened) {
    return make_error(opened.error().code, redirect.target + ": " + std::strerror(opened.error().sys_errno));
  }
  if (redirect.kind == Redirect::Kind::append) {
    (void)::lseek(*opened, 0, SEEK_END);  // a pipe has no end to go to, and appends anyhow
  }
  slot = std::make_shared<Output>(*opened, true);
  return success();
}

Status Streams::flush() {
  // What went to descriptors that a command closed stays an error: it meant to print and could not.
  Status status = closed_.flush();
  for (const auto& stream : open_) {
    if (stream != nullptr) {
      if (auto flushed = stream->flush(); !flushed && status) {
        status = std::move(flushed);
      }
    }
  }
  return status;
}

}  // namespace cyr::cyradm

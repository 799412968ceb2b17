#include "cyradm/line_source.h"

#include <unistd.h>

#include <cerrno>

#include "format/base/io.h"

namespace cyr::cyradm {
namespace {

constexpr std::size_t read_size = std::size_t{16} << 10;
constexpr std::uint64_t largest_script = std::uint64_t{64} << 20;  // bytes

std::string without_return(std::string line) {
  if (line.ends_with('\r')) {
    line.pop_back();  // written on another system
  }
  return line;
}

}  // namespace

Result<std::optional<std::string>> StreamSource::next(const std::string& prompt) {
  (void)prompt;
  std::size_t searched = at_;
  while (true) {
    const auto end = buffer_.find('\n', searched);
    if (end != std::string::npos || (ended_ && at_ < buffer_.size())) {
      std::string line = buffer_.substr(at_, end == std::string::npos ? end : end - at_);
      at_ = end == std::string::npos ? buffer_.size() : end + 1;
      ++number_;
      return std::optional<std::string>(without_return(std::move(line)));
    }
    if (ended_) {
      return std::optional<std::string>();
    }
    buffer_.erase(0, std::exchange(at_, 0));
    searched = buffer_.size();
    if (searched > max_shell_line) {
      return make_error(Errc::invalid, "a line without end");
    }
    buffer_.resize(searched + read_size);
    const ::ssize_t count = ::read(fd_, buffer_.data() + searched, read_size);
    buffer_.resize(searched + static_cast<std::size_t>(count > 0 ? count : 0));
    if (count < 0 && errno != EINTR) {
      return system_error(errno, "standard input");
    }
    ended_ = count == 0;
  }
}

Result<std::unique_ptr<TextSource>> TextSource::from_file(const std::string& path, OpenQuotes quotes) {
  CYR_TRY(const auto bytes, posix_io().read_file(path));
  if (bytes.text().size() > largest_script) {
    return make_error(Errc::invalid, "the file is too large for commands").at(path);
  }
  return std::make_unique<TextSource>(path, std::string(bytes.text()), quotes);
}

Result<std::optional<std::string>> TextSource::next(const std::string& prompt) {
  (void)prompt;
  if (at_ >= text_.size()) {
    return std::optional<std::string>();
  }
  const auto end = std::min(text_.find('\n', at_), text_.size());
  std::string line = text_.substr(at_, end - at_);
  at_ = end + 1;
  ++number_;
  return std::optional<std::string>(without_return(std::move(line)));
}

}  // namespace cyr::cyradm

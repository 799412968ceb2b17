// Commands from a string, for tests without a connection.
#pragma once

#include <string>

#include "server-min/imapd/parser.h"

namespace cyr::test {

class StringSource : public imapd::CommandSource {
 public:
  explicit StringSource(std::string bytes) : bytes_(std::move(bytes)) {}

  Result<std::string> line(std::size_t max) override {
    if (at_ >= bytes_.size()) {
      return make_error(Errc::cancelled, "end");
    }
    const std::size_t end = bytes_.find("\r\n", at_);
    std::string line = bytes_.substr(at_, end == std::string::npos ? end : end - at_);
    at_ = end == std::string::npos ? bytes_.size() : end + 2;
    if (line.size() > max) {
      return imapd::bad_argument("Line too long");
    }
    return line;
  }
  Status literal(std::uint64_t size, const Take& take) override {
    if (size > bytes_.size() - at_) {
      at_ = bytes_.size();
      return make_error(Errc::cancelled, "end");
    }
    const Status taken = take(as_bytes(std::string_view(bytes_).substr(at_, static_cast<std::size_t>(size))));
    at_ += static_cast<std::size_t>(size);
    return taken;
  }
  Status go_ahead(std::string_view text) override {
    went_ahead_ += "+ " + std::string(text) + "\n";
    return success();
  }
  [[nodiscard]] const std::string& went_ahead() const { return went_ahead_; }

 private:
  std::string bytes_;
  std::string went_ahead_;
  std::size_t at_ = 0;
};

}  // namespace cyr::test

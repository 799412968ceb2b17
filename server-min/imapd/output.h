// What the server sends: one buffer per connection, written in as few pieces as possible, at the latest when
// the command is over.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string>
#include <string_view>

#include "format/base/error.h"

namespace cyr::imapd {

class Output {
 public:
  using Write = std::function<Status(std::string_view bytes)>;
  explicit Output(Write write) : write_(std::move(write)) {}

  // Append here what must go out as it is.
  [[nodiscard]] std::string& buffer() { return buffer_; }
  // "* TEXT CRLF".
  template <class... Args>
  void untagged(fmt::format_string<Args...> format, Args&&... args) {
    buffer_ += "* ";
    fmt::format_to(std::back_inserter(buffer_), format, std::forward<Args>(args)...);
    buffer_ += "\r\n";
  }
  // "{n} CRLF bytes", or "~{n}" for data that may hold NUL; long data is not copied.
  void literal(std::string_view bytes, bool binary = false);
  // "..." where the text allows it, else a literal.
  void string(std::string_view text);
  void nstring(std::string_view text, bool nil);
  // Sends what has gathered when it is much. Between responses only.
  void relieve();
  // Sends everything. A failed connection stays failed; what follows is dropped.
  Status flush();
  [[nodiscard]] bool failed() const { return !state_; }

 private:
  Write write_;
  std::string buffer_;
  Status state_;
};

}  // namespace cyr::imapd

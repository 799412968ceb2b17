// Where commands print: a buffered descriptor that remembers its first error, and the table of descriptors
// that redirections change for one command.
#pragma once

#include <fmt/format.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "cyradm/shell_parser.h"
#include "format/base/error.h"

namespace cyr::cyradm {

class Output {
 public:
  // `owned`: closed with the object.
  Output(int fd, bool owned);
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output();

  void write(std::string_view text);
  template <class... T>
  void print(fmt::format_string<T...> format, T&&... values) {
    write(fmt::format(format, std::forward<T>(values)...));
  }
  // The first error of any write so far; the caller says what it is that cannot be written.
  Status flush();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool terminal() const { return terminal_; }
  // A terminal that wants colours (NO_COLOR, TERM=dumb).
  [[nodiscard]] bool colours() const { return colours_; }
  // `text` in the style of an SGR sequence ("1;31") where there are colours.
  [[nodiscard]] std::string styled(std::string_view style, std::string_view text) const;

 private:
  int fd_;
  bool owned_;
  bool terminal_;
  bool colours_;
  int error_ = 0;  // errno of the first failed write
  std::string buffer_;
};

inline constexpr std::string_view style_error = "31";
inline constexpr std::string_view style_faint = "2";

// Characters in a line: $COLUMNS if set, the terminal's width if `output` is one, else 79 (tools.md 2.5).
[[nodiscard]] std::size_t line_width(const Output& output);

inline constexpr int stream_count = 10;  // descriptors that a redirection can name

// Descriptors 0 to 9 as one command sees them. A copy shares the open files.
class Streams {
 public:
  Streams();  // 0, 1 and 2 of the process
  // Errc::io "FILE: No such file or directory", Errc::invalid "file descriptor `7' not open".
  Status apply(const Redirect& redirect);
  // Never null: a closed descriptor gives one whose writes fail.
  [[nodiscard]] Output& at(int fd);
  [[nodiscard]] bool is_open(int fd) const { return open_[static_cast<std::size_t>(fd)] != nullptr; }
  Status flush();

 private:
  std::array<std::shared_ptr<Output>, stream_count> open_;
  Output closed_{-1, false};

 public:
  Streams(const Streams& other) : open_(other.open_) {}
  Streams& operator=(const Streams&) = delete;
  ~Streams() = default;
};

}  // namespace cyr::cyradm

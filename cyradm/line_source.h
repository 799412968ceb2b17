// Where the shell's lines come from: a person (line_editor.h), a stream, a file, the command line.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cyradm/shell_parser.h"
#include "format/base/error.h"

namespace cyr::cyradm {

class LineSource {
 public:
  LineSource() = default;
  LineSource(const LineSource&) = delete;
  LineSource& operator=(const LineSource&) = delete;
  virtual ~LineSource() = default;

  // The next line without its line feed; nothing at the end. Errc::cancelled after Ctrl-C.
  virtual Result<std::optional<std::string>> next(const std::string& prompt) = 0;
  // A command is complete: for the history.
  virtual void remember(const std::string& command) { (void)command; }
  // What messages call the present line: "FILE:12".
  [[nodiscard]] virtual std::string place() const = 0;
  [[nodiscard]] virtual OpenQuotes quotes() const { return OpenQuotes::need_more; }
};

// A descriptor that is no terminal: quotes end with the line, as in the stock shell.
class StreamSource : public LineSource {
 public:
  explicit StreamSource(int fd) : fd_(fd) {}
  Result<std::optional<std::string>> next(const std::string& prompt) override;
  [[nodiscard]] std::string place() const override { return "line " + std::to_string(number_); }
  [[nodiscard]] OpenQuotes quotes() const override { return OpenQuotes::end_at_line; }

 private:
  int fd_;
  std::string buffer_;
  std::size_t at_ = 0;
  bool ended_ = false;
  std::size_t number_ = 0;
};

// A text, such as a file or -e's argument.
class TextSource : public LineSource {
 public:
  TextSource(std::string name, std::string text, OpenQuotes quotes)
      : name_(std::move(name)), text_(std::move(text)), quotes_(quotes) {}
  static Result<std::unique_ptr<TextSource>> from_file(const std::string& path, OpenQuotes quotes);
  Result<std::optional<std::string>> next(const std::string& prompt) override;
  [[nodiscard]] std::string place() const override { return name_ + ":" + std::to_string(number_); }
  [[nodiscard]] OpenQuotes quotes() const override { return quotes_; }

 private:
  std::string name_;
  std::string text_;
  OpenQuotes quotes_;
  std::size_t at_ = 0;
  std::size_t number_ = 0;
};

}  // namespace cyr::cyradm

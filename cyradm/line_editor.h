// Reading lines from a person: editing, history, completion. The only file that knows readline is
// line_editor.cc; scripts never come here.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cyradm/completion.h"
#include "cyradm/interrupt.h"
#include "cyradm/line_source.h"

namespace cyr::cyradm {

struct EditedLine {
  enum class How : std::uint8_t { line, end, interrupted };
  How how = How::end;
  std::string text;
};

class LineEditor {
 public:
  // `history_file` "": none is kept. At most one LineEditor at a time: readline has one state per process.
  LineEditor(Completer& completer, Interrupt& interrupt, std::string history_file);
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;
  ~LineEditor();

  EditedLine read(const std::string& prompt);
  // One entry, however many lines it has; not when it is the same as the last one.
  void remember(const std::string& command);

 private:
  Interrupt& interrupt_;
  std::string history_file_;
};

// A person at a terminal.
class TerminalSource : public LineSource {
 public:
  explicit TerminalSource(LineEditor& editor) : editor_(editor) {}
  Result<std::optional<std::string>> next(const std::string& prompt) override;
  void remember(const std::string& command) override { editor_.remember(command); }
  [[nodiscard]] std::string place() const override { return {}; }

 private:
  LineEditor& editor_;
};

}  // namespace cyr::cyradm

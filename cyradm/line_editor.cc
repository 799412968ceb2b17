#include "cyradm/line_editor.h"

#include <poll.h>
#include <readline/history.h>
#include <readline/readline.h>
#include <stdio.h>  // NOLINT: readline.h wants FILE
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace cyr::cyradm {
namespace {

constexpr int most_history = 2000;  // entries
constexpr const char* word_breaks = " \t\n;<>&";

// What readline's callbacks work on; they get no argument of ours.
struct State {
  Completer* completer = nullptr;
  EditedLine result;
  bool done = false;
  Candidates candidates;
};

State& state() {
  static State only;
  return only;
}

void line_ready(char* line) {
  State& s = state();
  s.done = true;
  s.result.how = line != nullptr ? EditedLine::How::line : EditedLine::How::end;
  s.result.text = line != nullptr ? line : "";
  std::free(line);  // NOLINT: readline's malloc
  rl_callback_handler_remove();
}

int is_escaped(char* line, int index) { return index > 0 && line[index - 1] == '\\' ? 1 : 0; }

std::string without_backslashes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
    }
    out.push_back(text[i]);
  }
  return out;
}

// As it has to stand in the line: with backslashes, or inside the quotes that are open.
std::string in_line(const std::string& word, bool quoted) {
  std::string out;
  for (const char c : word) {
    const bool special =
        quoted ? std::strchr("\"'\\$", c) != nullptr : std::strchr("\"'\\$ \t;<>&", c) != nullptr;
    if (special && c != '\0') {
      out.push_back('\\');
    }
    out.push_back(c);
  }
  return out;
}

char* next_candidate(const char* text, int index) {
  (void)text;
  const auto& words = state().candidates.words;
  if (static_cast<std::size_t>(index) >= words.size()) {
    return nullptr;
  }
  return ::strdup(
      in_line(words[static_cast<std::size_t>(index)], rl_completion_quote_character != 0).c_str());
}

char** attempt_completion(const char* text, int start, int end) {
  (void)end;
  State& s = state();
  std::string_view before(rl_line_buffer, static_cast<std::size_t>(start));
  if (rl_completion_quote_character != 0 && !before.empty()) {
    before.remove_suffix(1);  // the quote that the word begins with
  }
  s.candidates = s.completer->complete(before, without_backslashes(text));
  if (s.candidates.files) {
    rl_attempted_completion_over = 0;
    return nullptr;
  }
  rl_attempted_completion_over = 1;  // no file names instead
  if (s.candidates.words.empty()) {
    return nullptr;
  }
  rl_completion_append_character = s.candidates.open_ended ? '\0' : ' ';
  return rl_completion_matches(text, &next_candidate);
}

void set_up_readline() {
  rl_readline_name = "cyradm";
  rl_catch_signals = 0;
  rl_catch_sigwinch = 1;
  rl_attempted_completion_function = &attempt_completion;
  rl_completer_word_break_characters = const_cast<char*>(word_breaks);  // NOLINT: readline's type
  rl_completer_quote_characters = "\"'";
  rl_char_is_quoted_p = &is_escaped;
  using_history();
  stifle_history(most_history);
}

}  // namespace

LineEditor::LineEditor(Completer& completer, Interrupt& interrupt, std::string history_file)
    : interrupt_(interrupt), history_file_(std::move(history_file)) {
  state().completer = &completer;
  set_up_readline();
  if (!history_file_.empty()) {
    (void)read_history(history_file_.c_str());  // none yet, the first time
  }
}

LineEditor::~LineEditor() {
  if (!history_file_.empty()) {
    (void)write_history(history_file_.c_str());  // made with mode 0600
  }
  state().completer = nullptr;
}

EditedLine LineEditor::read(const std::string& prompt) {
  State& s = state();
  s.done = false;
  (void)interrupt_.take();
  rl_callback_handler_install(prompt.c_str(), &line_ready);
  while (!s.done) {
    std::array<::pollfd, 2> list{{{STDIN_FILENO, POLLIN, 0}, {interrupt_.fd(), POLLIN, 0}}};
    if (::poll(list.data(), list.size(), -1) == -1) {
      if (errno == EINTR) {
        rl_resize_terminal();  // SIGWINCH, as good as always
        continue;
      }
      line_ready(nullptr);
      break;
    }
    if (list[1].revents != 0) {
      (void)interrupt_.take();
      rl_callback_handler_remove();
      (void)::fputs("^C\n", stdout);
      (void)::fflush(stdout);
      return {EditedLine::How::interrupted, {}};
    }
    if (list[0].revents != 0) {
      rl_callback_read_char();
    }
  }
  if (s.result.how == EditedLine::How::end) {
    (void)::fputs("\n", stdout);  // the shell that we came from continues on a line of its own
    (void)::fflush(stdout);
  }
  return std::move(s.result);
}

void LineEditor::remember(const std::string& command) {
  const HIST_ENTRY* last = history_length > 0 ? history_get(history_base + history_length - 1) : nullptr;
  if (last == nullptr || command != last->line) {
    ::add_history(command.c_str());
  }
}

Result<std::optional<std::string>> TerminalSource::next(const std::string& prompt) {
  EditedLine line = editor_.read(prompt);
  switch (line.how) {
    case EditedLine::How::line:
      return std::optional<std::string>(std::move(line.text));
    case EditedLine::How::interrupted:
      return make_error(Errc::cancelled, "interrupted");
    default:
      return std::optional<std::string>();
  }
}

}  // namespace cyr::cyradm

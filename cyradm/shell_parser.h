// The shell's language (tools.md 2.3): words, quotes, variables, redirections, `;`. Bytes in, values out;
// nothing is opened or run here.
//
// Differences from the stock shell, all of them marked there as defects: a variable is expanded once and
// never split again; `N>&M` works; a redirection without a file name is an error.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/error.h"

namespace cyr::cyradm {

struct Redirect {
  enum class Kind : std::uint8_t { read, write, append, duplicate, close };
  Kind kind = Kind::write;
  int fd = 1;          // 0 to 9
  std::string target;  // file name; not for duplicate and close
  int source_fd = 0;   // duplicate: `fd` becomes a copy of it
};

struct SimpleCommand {
  std::vector<std::string> words;  // quotes removed, variables expanded
  std::vector<Redirect> redirects;
  std::string source;  // as typed, for /bin/sh
};

struct ParsedLine {
  std::vector<SimpleCommand> commands;  // separated by `;`; empty ones left out
  bool open_quote = false;              // the text ended inside quotes: a terminal asks for another line
};

// What an open quote at the end means: more lines may follow, and only the same quote closes it; or, as in
// the stock shell, the end of the line closes it, and so does the other quote when the same one does not come
// again.
enum class OpenQuotes : std::uint8_t { need_more, end_at_line };

using Variables = std::function<std::optional<std::string>(std::string_view name)>;
// The process's environment.
[[nodiscard]] std::optional<std::string> environment_variable(std::string_view name);

// Longer input is refused (Errc::invalid): a line of the shell, quoted lines included.
inline constexpr std::size_t max_shell_line = std::size_t{1} << 20;  // bytes

// Errc::invalid "syntax error: cannot deal with `&' here".
[[nodiscard]] Result<ParsedLine> parse_line(std::string_view text, const Variables& variables,
                                            OpenQuotes quotes = OpenQuotes::need_more);

// `word` so that parse_line gives it back: as it is when nothing in it is special, else in quotes.
[[nodiscard]] std::string quote_word(std::string_view word);
[[nodiscard]] std::string quote_words(const std::vector<std::string>& words);

}  // namespace cyr::cyradm

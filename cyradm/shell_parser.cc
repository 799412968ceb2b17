#include "cyradm/shell_parser.h"

#include <cstdlib>

#include "format/base/text.h"

namespace cyr::cyradm {
namespace {

constexpr std::string_view metacharacters = "&<>;";

bool is_meta(char c) { return metacharacters.find(c) != std::string_view::npos; }
bool is_quote(char c) { return c == '\'' || c == '"'; }
bool is_name_byte(char c) { return is_alnum(c) || c == '_'; }

Error syntax_error(std::string_view what) {
  return make_error(Errc::invalid, "syntax error: " + std::string(what));
}
Error unexpected(std::string_view token) {
  return syntax_error("cannot deal with `" + std::string(token) + "' here");
}

class Parser {
 public:
  Parser(std::string_view text, const Variables& variables, OpenQuotes quotes)
      : text_(text), variables_(variables), quotes_(quotes) {}

  Result<ParsedLine> parse() {
    while (true) {
      skip_blanks();
      if (at_ == text_.size()) {
        finish_command();
        return std::move(line_);
      }
      CYR_CHECK(item());
    }
  }

 private:
  Status item() {
    const char c = text_[at_];
    if (c == ';') {
      finish_command();
      start_ = ++at_;
      return success();
    }
    if (c == '<' || c == '>') {
      return redirect({});
    }
    if (is_meta(c)) {
      return unexpected(std::string_view(&c, 1));
    }
    // "2>" only when nothing stands between: `setquota user/x 1000 > file` has a number, not a descriptor.
    if (is_digit(c) && at_ + 1 < text_.size() && (text_[at_ + 1] == '<' || text_[at_ + 1] == '>')) {
      ++at_;
      return redirect(c - '0');
    }
    command_.words.push_back(word());
    return success();
  }

  void skip_blanks() {
    while (at_ < text_.size() && is_space(text_[at_])) {
      ++at_;
    }
  }

  void finish_command() {
    if (!command_.words.empty() || !command_.redirects.empty()) {
      command_.source = std::string(text_.substr(start_, at_ - start_));
      line_.commands.push_back(std::move(command_));
    }
    command_ = {};
  }

  // At `<` or `>`.
  Status redirect(std::optional<int> fd) {
    const char op = text_[at_++];
    Redirect out;
    out.kind = op == '<' ? Redirect::Kind::read : Redirect::Kind::write;
    out.fd = fd.value_or(op == '<' ? 0 : 1);
    if (op == '>' && next_is('>')) {
      ++at_;
      out.kind = Redirect::Kind::append;
    }
    if (next_is('<') || next_is('>')) {
      return unexpected(text_.substr(at_, 1));
    }
    const bool duplicate = next_is('&');
    if (duplicate && out.kind == Redirect::Kind::append) {
      return unexpected("&");
    }
    if (duplicate) {
      ++at_;
    }
    skip_blanks();
    if (at_ == text_.size() || is_meta(text_[at_])) {
      return syntax_error("no file name after `" + std::string(op == '<' ? "<" : ">") + "'");
    }
    out.target = word();
    if (duplicate) {
      CYR_CHECK(resolve_duplicate(out));
    }
    command_.redirects.push_back(std::move(out));
    return success();
  }

  static Status resolve_duplicate(Redirect& out) {
    if (out.target == "-") {
      out.kind = Redirect::Kind::close;
    } else if (out.target.size() == 1 && is_digit(out.target[0])) {
      out.kind = Redirect::Kind::duplicate;
      out.source_fd = out.target[0] - '0';
    } else {
      return make_error(Errc::invalid, "invalid file descriptor `" + out.target + "'");
    }
    out.target.clear();
    return success();
  }

  [[nodiscard]] bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }

  std::string word() {
    std::string out;
    char quote = '\0';
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (quote == '\0' && (is_space(c) || is_meta(c))) {
        break;
      }
      ++at_;
      if (c == '\\' && at_ < text_.size()) {
        out.push_back(text_[at_++]);
      } else if (c == '$') {
        out += variable();
      } else if (quote == '\0' && is_quote(c)) {
        quote = closing_quote(c);
      } else if (quote != '\0' && c == quote) {
        quote = '\0';
      } else {
        out.push_back(c);
      }
    }
    line_.open_quote = line_.open_quote || quote != '\0';
    return out;
  }

  // The stock shell closes either quote with either. That `"o'brien"` should mean what it says wins where the
  // right quote follows; where it does not, the other one closes as it does there.
  [[nodiscard]] char closing_quote(char open) const {
    const char other = open == '"' ? '\'' : '"';
    const bool as_stock = quotes_ == OpenQuotes::end_at_line &&
                          text_.find(open, at_) == std::string_view::npos &&
                          text_.find(other, at_) != std::string_view::npos;
    return as_stock ? other : open;
  }

  // After `$`. A `$` without a name stands for itself.
  std::string variable() {
    const bool braces = next_is('{');
    std::size_t end = at_ + (braces ? 1 : 0);
    const std::size_t begin = end;
    while (end < text_.size() && is_name_byte(text_[end])) {
      ++end;
    }
    const bool closed = !braces || (end < text_.size() && text_[end] == '}');
    if (end == begin || !closed) {
      return "$";
    }
    at_ = end + (braces ? 1 : 0);
    return variables_(text_.substr(begin, end - begin)).value_or("");
  }

  std::string_view text_;
  const Variables& variables_;
  OpenQuotes quotes_;
  std::size_t at_ = 0;
  std::size_t start_ = 0;  // of the present command
  SimpleCommand command_;
  ParsedLine line_;
};

}  // namespace

std::optional<std::string> environment_variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

Result<ParsedLine> parse_line(std::string_view text, const Variables& variables, OpenQuotes quotes) {
  if (text.size() > max_shell_line) {
    return make_error(Errc::invalid, "a command longer than " + std::to_string(max_shell_line) + " bytes");
  }
  return Parser(text, variables, quotes).parse();
}

std::string quote_word(std::string_view word) {
  bool plain = !word.empty() && word.find_first_of("\"'\\$#") == std::string_view::npos;
  for (const char c : word) {
    plain = plain && !is_space(c) && !is_meta(c);
  }
  if (plain) {
    return std::string(word);
  }
  std::string out = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\' || c == '$') {
      out.push_back('\\');
    }
    out.push_back(c);
  }
  return out + "\"";
}

std::string quote_words(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) {
    out.append(out.empty() ? "" : " ").append(quote_word(word));
  }
  return out;
}

}  // namespace cyr::cyradm

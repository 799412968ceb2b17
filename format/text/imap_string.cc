// Choosing between atom, quoted string and literal, and reading them back.
#include "format/text/imap_string.h"

#include <algorithm>
#include <array>

#include "format/base/text.h"

namespace cyr::text {
namespace {

// A table, because names are looked at byte by byte. 0x1F is an atom's byte only for some (see is_atom_byte).
constexpr std::array<bool, 256> atom_bytes = [] {
  std::array<bool, 256> out{};
  for (std::size_t byte = 0x1F; byte < 0x7F; ++byte) {
    out[byte] = true;
  }
  for (const unsigned char c : {' ', '{', '(', ')', '"', '%', '*', '\\'}) {
    out[c] = false;
  }
  return out;
}();

bool is_atom_byte(char c, bool us_is_atom) {
  return atom_bytes[static_cast<unsigned char>(c)] && (us_is_atom || c != '\x1F');
}

bool ends_atom(char c) { return c == ' ' || c == '\r' || c == '\n' || c == '(' || c == ')'; }

bool is_quotable_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte != 0 && byte < 0x80 && c != '\r' && c != '\n' && c != '"' && c != '%' && c != '\\';
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  out += text;
  out += '"';
}

}  // namespace

bool is_atom(std::string_view text, bool us_is_atom) {
  return !text.empty() && text.size() < max_bare_string && text != "NIL" &&
         std::all_of(text.begin(), text.end(), [&](char c) { return is_atom_byte(c, us_is_atom); });
}

bool is_quotable(std::string_view text) {
  return text.size() < max_bare_string && std::all_of(text.begin(), text.end(), is_quotable_byte);
}

void append_literal(std::string& out, std::string_view text, LiteralForm form) {
  out += '{';
  out += std::to_string(text.size());
  out += form == LiteralForm::plus ? "+}\r\n" : "}\r\n";
  out += text;
}

void append_astring(std::string& out, std::string_view text, LiteralForm form, bool us_is_atom) {
  if (is_atom(text, us_is_atom)) {
    out += text;
  } else if (is_quotable(text)) {
    append_quoted(out, text);
  } else {
    append_literal(out, text, form);
  }
}

void append_nstring(std::string& out, std::optional<std::string_view> text) {
  if (!text) {
    out += "NIL";
  } else if (is_quotable(*text)) {
    append_quoted(out, *text);
  } else {
    append_literal(out, *text, LiteralForm::synchronizing);
  }
}

std::string print_astring(std::string_view text, LiteralForm form) {
  std::string out;
  append_astring(out, text, form);
  return out;
}

std::string print_nstring(std::optional<std::string_view> text) {
  std::string out;
  append_nstring(out, text);
  return out;
}

Result<std::string> StringReader::astring() {
  switch (peek().value_or('\0')) {
    case '"':
      return quoted();
    case '{':
      return literal();
    default:
      return atom();
  }
}

Result<std::optional<std::string>> StringReader::nstring() {
  const bool bare = peek() != '"' && peek() != '{';
  CYR_TRY(std::string text, astring());
  if (bare && equal_ignoring_case(text, "NIL")) {
    return std::optional<std::string>();
  }
  return std::optional(std::move(text));
}

Status StringReader::expect(char c) {
  if (!accept(c)) {
    return corrupt(std::string("expected '") + c + "'", at_);
  }
  return success();
}

bool StringReader::accept(char c) {
  if (peek() != c) {
    return false;
  }
  ++at_;
  return true;
}

void StringReader::skip_spaces() {
  while (accept(' ')) {
  }
}

Result<std::string> StringReader::quoted() {
  const std::size_t start = at_++;
  const auto special = [](char c) { return c == '"' || c == '\\' || c == '\r' || c == '\n'; };
  std::string out;
  while (true) {
    const auto begin = text_.begin() + static_cast<std::ptrdiff_t>(at_);
    const auto end = std::find_if(begin, text_.end(), special);
    out.append(begin, end);
    at_ += static_cast<std::size_t>(end - begin);
    if (!accept('\\') || at_end() || text_[at_] == '\r' || text_[at_] == '\n') {
      break;
    }
    out += text_[at_++];
  }
  if (!accept('"')) {
    at_ = start;
    return corrupt("a quoted string has no end", start);
  }
  return out;
}

Result<std::string> StringReader::literal() {
  const std::size_t start = at_;
  const auto fail = [&](const char* what) {
    at_ = start;
    return corrupt(what, start);
  };
  const auto close = text_.find('}', at_);
  if (close == std::string_view::npos || close - at_ > 12) {
    return fail("a literal's length has no '}'");
  }
  std::string_view digits = text_.substr(at_ + 1, close - at_ - 1);
  if (!digits.empty() && digits.back() == '+') {
    digits.remove_suffix(1);
  }
  const auto length = parse_number<std::uint32_t>(digits);
  if (!length) {
    return fail("a literal's length is no number");
  }
  at_ = close + 1;
  (void)accept('\r');
  if (!accept('\n')) {
    return fail("a line feed is missing after a literal's length");
  }
  if (*length > text_.size() - at_) {
    return fail("a literal is longer than the text");
  }
  std::string out(text_.substr(at_, *length));
  at_ += *length;
  return out;
}

Result<std::string> StringReader::atom() {
  std::size_t end = at_;
  while (end < text_.size() && !ends_atom(text_[end])) {
    ++end;
  }
  if (end == at_) {
    return corrupt("a string is missing", at_);
  }
  std::string out(text_.substr(at_, end - at_));
  at_ = end;
  return out;
}

}  // namespace cyr::text

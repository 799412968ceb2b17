// Strings as IMAP and the Cyrus formats write them: atom, quoted, literal, NIL (store.md 3.5, mailbox.md 6).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "format/base/error.h"

namespace cyr::text {

// Longer strings are always literals, in every writer of Cyrus.
inline constexpr std::size_t max_bare_string = 1024;  // bytes; this length is a literal already

// Length > 0, < 1024 and only atom bytes; "NIL" in any case other than upper is an atom. `us_is_atom`: see
// DlistStyle.
[[nodiscard]] bool is_atom(std::string_view text, bool us_is_atom = true);
// Length < 1024 and no byte >= 0x80, NUL, CR, LF, '"', '%', '\'.
[[nodiscard]] bool is_quotable(std::string_view text);

enum class LiteralForm : std::uint8_t { synchronizing, plus };  // {5} or {5+}

void append_literal(std::string& out, std::string_view text, LiteralForm form = LiteralForm::synchronizing);
// Atom if possible, else quoted if possible, else literal; "" when empty. What dlist and cyr_dbtool's batch
// mode write.
void append_astring(std::string& out, std::string_view text, LiteralForm form = LiteralForm::plus,
                    bool us_is_atom = true);
// NIL, quoted, or literal, never an atom: envelopes, body structures and cache strings.
void append_nstring(std::string& out, std::optional<std::string_view> text);
[[nodiscard]] std::string print_astring(std::string_view text, LiteralForm form = LiteralForm::plus);
[[nodiscard]] std::string print_nstring(std::optional<std::string_view> text);

// Reads IMAP strings from the front of a text, keeping count of the offset. No read goes past the end.
class StringReader {
 public:
  explicit StringReader(std::string_view text) : text_(text) {}

  // Quoted ("\" escapes any byte), literal {n} or {n+} CRLF (a bare LF is accepted too), or an atom up to SP,
  // CR, LF,
  // '(' or ')'. Errc::corrupt with the offset of the trouble.
  Result<std::string> astring();
  // As astring, but a bare NIL (any case) gives nothing.
  Result<std::optional<std::string>> nstring();
  // One byte that must be there.
  Status expect(char c);
  // Takes `c` if it comes next.
  bool accept(char c);
  void skip_spaces();
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] std::size_t offset() const { return at_; }
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
  [[nodiscard]] std::optional<char> peek() const {
    return at_end() ? std::nullopt : std::optional(text_[at_]);
  }

 private:
  Result<std::string> quoted();
  Result<std::string> literal();
  Result<std::string> atom();
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace cyr::text

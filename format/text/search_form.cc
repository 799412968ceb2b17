// The search form of 2.1-2.4, computed from present Unicode data and the age of each character. It differs
// from what those releases wrote in rare characters only (mailbox.md 5.7).
#include "format/text/search_form.h"

#include <array>

#include "format/text/charset.h"

namespace cyr::text {

namespace {

struct Fixed {
  char32_t from;
  std::u32string_view to;
};

constexpr std::array kFixed{
    Fixed{0x00DF, U"ss"},           Fixed{0x00E6, U"ae"},           Fixed{0x00F0, U"th"},
    Fixed{0x00FE, U"th"},           Fixed{0x0153, U"oe"},           Fixed{0x2044, U"/"},
    Fixed{0x04A5, U"\u043D\u0433"}, Fixed{0x04B5, U"\u0442\u0446"},
};

// Mappings nest a few levels (upper case letter with two marks); this bounds them against bad data.
constexpr unsigned kMaxMappingDepth = 16;

class Mapper {
 public:
  explicit Mapper(SearchForm form) : form_(form), unicode_(form == SearchForm::form_2_4 ? 6 : 2) {}

  // Appends what `c` becomes, a character that could not be decoded the letter X; blanks are left to the
  // caller at depth 0 and dropped below.
  void map(char32_t c, unsigned depth, std::u32string& out) const {
    if (c == replacement_character) {
      out += U'X';
      return;
    }
    if (!assigned_in_unicode(c, unicode_) && c >= 0x20) {
      out += c;
      return;
    }
    if (is_blank(c)) {
      return;
    }
    for (const Fixed& fixed : kFixed) {
      if (fixed.from == c) {
        out += fixed.to;
        return;
      }
    }
    const std::u32string next = step(c);
    if (next.empty() || depth == kMaxMappingDepth) {
      out += c;
      return;
    }
    for (const char32_t each : next) {
      map(each, depth + 1, out);
    }
  }

 private:
  [[nodiscard]] static bool listed_blank(char32_t c) {
    return (c >= 0x0300 && c <= 0x0385) || c == 0x0387 || c == 0x038B || c == 0x038D || c == 0x03A2 ||
           (c >= 0x03CF && c <= 0x03FF);
  }

  [[nodiscard]] bool is_blank(char32_t c) const {
    if ((c >= 0x09 && c <= 0x0D) || (c != 0x20 && is_separator(c))) {
      return true;
    }
    if (form_ == SearchForm::form_2_1) {
      return c >= 0x0300 && c <= 0x03FF;
    }
    const bool mapped_instead = form_ == SearchForm::form_2_3 || form_ == SearchForm::form_2_4;
    return listed_blank(c) && !(mapped_instead && !decomposition_of(c).text.empty());
  }

  // The next mapping of `c`; empty if it maps to itself.
  [[nodiscard]] static std::u32string step(char32_t c) {
    if (const char32_t lower = simple_lower_case(c); lower != c) {
      return {lower};
    }
    Decomposition parts = decomposition_of(c);
    if (parts.compatibility && parts.text.size() > 1 && parts.text[0] == U' ') {
      return {};
    }
    return std::move(parts.text);
  }

  SearchForm form_;
  unsigned unicode_;
};

}  // namespace

std::string to_search_form(std::string_view utf8, SearchForm form) {
  if (form == SearchForm::none) {
    return std::string(utf8);
  }
  const Mapper mapper(form);
  std::string out;
  bool after_blank = false;
  std::u32string mapped;
  for (const char32_t c : utf8_to_code_points(utf8)) {
    mapped.clear();
    mapper.map(c, 0, mapped);
    const bool blank = mapped.empty() || mapped == U" ";
    if (blank && (form != SearchForm::form_2_4 || after_blank)) {
      continue;
    }
    after_blank = blank;
    if (blank) {
      out += ' ';
      continue;
    }
    for (const char32_t each : mapped) {
      append_utf8(out, each);
    }
  }
  return out;
}

}  // namespace cyr::text

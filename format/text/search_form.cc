// The search form of 2.1-2.4, computed from present Unicode data and the age of each character. It differs
// from what those releases wrote in rare characters only (mailbox.md 5.7).
#include "format/text/search_form.h"

#include <array>
#include <unordered_map>

#include "format/text/ascii.h"
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

// What each ASCII character becomes: a character, or nothing for a blank.
class AsciiTable {
 public:
  explicit AsciiTable(SearchForm form) {
    const Mapper mapper(form);
    std::u32string mapped;
    for (char32_t c = 0; c < becomes_.size(); ++c) {
      mapped.clear();
      mapper.map(c, 0, mapped);
      becomes_[c] = mapped.empty() || mapped == U" " ? kBlank : static_cast<unsigned char>(mapped.front());
    }
  }
  static constexpr unsigned char kBlank = 0xFF;
  [[nodiscard]] unsigned char operator[](char c) const { return becomes_[static_cast<unsigned char>(c)]; }

 private:
  std::array<unsigned char, 0x80> becomes_{};
};

const AsciiTable& ascii_table(SearchForm form) {
  static const std::array tables{AsciiTable(SearchForm::form_2_1), AsciiTable(SearchForm::form_2_2),
                                 AsciiTable(SearchForm::form_2_3), AsciiTable(SearchForm::form_2_4)};
  static_assert(static_cast<int>(SearchForm::form_2_1) == 1 && static_cast<int>(SearchForm::form_2_4) == 4);
  return tables[static_cast<std::size_t>(form) - 1];
}

// What other characters became, as UTF-8: a text has few of them, and each costs several questions to ICU. ""
// is a blank.
class Remembered {
 public:
  explicit Remembered(SearchForm form) : mapper_(form) {}
  const std::string& operator[](char32_t c) {
    if (known_.size() > kMost) {
      known_.clear();
    }
    const auto [at, fresh] = known_.try_emplace(c);
    if (fresh) {
      mapped_.clear();
      mapper_.map(c, 0, mapped_);
      for (const char32_t each : mapped_) {
        append_utf8(at->second, each);
      }
      if (at->second == " ") {
        at->second.clear();
      }
    }
    return at->second;
  }

 private:
  static constexpr std::size_t kMost = 4096;
  Mapper mapper_;
  std::unordered_map<char32_t, std::string> known_;
  std::u32string mapped_;
};

Remembered& remembered(SearchForm form) {
  thread_local std::array tables{Remembered(SearchForm::form_2_1), Remembered(SearchForm::form_2_2),
                                 Remembered(SearchForm::form_2_3), Remembered(SearchForm::form_2_4)};
  return tables[static_cast<std::size_t>(form) - 1];
}

class Writer {
 public:
  Writer(SearchForm form, std::size_t size)
      : keeps_blanks_(form == SearchForm::form_2_4), ascii_(ascii_table(form)) {
    out_.reserve(size);
  }
  void ascii(std::string_view text) {
    const std::size_t before = out_.size();
    out_.resize(before + text.size());
    char* to = out_.data() + before;
    for (const char c : text) {
      const unsigned char mapped = ascii_[c];
      const bool is_blank = mapped == AsciiTable::kBlank;
      if (!is_blank || (keeps_blanks_ && !after_blank_)) {
        *to++ = is_blank ? ' ' : static_cast<char>(mapped);
        after_blank_ = is_blank;
      }
    }
    out_.resize(static_cast<std::size_t>(to - out_.data()));
  }
  void mapped(std::string_view text) {
    if (!text.empty()) {
      out_ += text;
      after_blank_ = false;
    } else if (keeps_blanks_ && !after_blank_) {
      out_ += ' ';
      after_blank_ = true;
    }
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  bool keeps_blanks_;
  bool after_blank_ = false;
  const AsciiTable& ascii_;
  std::string out_;
};

}  // namespace

std::string to_search_form(std::string_view utf8, SearchForm form) {
  if (form == SearchForm::none) {
    return std::string(utf8);
  }
  Writer writer(form, utf8.size());
  while (!utf8.empty()) {
    const std::size_t plain = ascii_run(utf8);
    writer.ascii(utf8.substr(0, plain));
    utf8.remove_prefix(plain);
    std::size_t other = 0;  // up to the next ASCII character, which no sequence contains
    while (other < utf8.size() && static_cast<unsigned char>(utf8[other]) >= 0x80) {
      ++other;
    }
    for (const char32_t c : utf8_to_code_points(utf8.substr(0, other))) {
      writer.mapped(remembered(form)[c]);
    }
    utf8.remove_prefix(other);
  }
  return writer.take();
}

}  // namespace cyr::text

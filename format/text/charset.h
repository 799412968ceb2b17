// Character sets as Cyrus names and decodes them: its alias list, the numbered list of releases 2.1-2.5, and
// conversion to UTF-8. The only file that knows ICU is charset.cc. Format: format/doc/message.md, "Character
// sets".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace cyr::text {

// Stands for what cannot be decoded.
inline constexpr char32_t replacement_character = 0xFFFD;

// Which names are known (mailbox.md 5.4).
enum class CharsetNames : std::uint8_t {
  numbered,          // 2.1-2.3: the numbered list, compared case-insensitively
  numbered_aliases,  // 2.4, 2.5: the alias list first, then the numbered list
  icu_3_0,           // 3.0: alias list of 3.0, then everything that ICU can open
  icu,               // 3.2 and later
};

struct CharsetRules {
  CharsetNames names = CharsetNames::icu;
  std::uint16_t numbered_count = 31;  // length of the numbered list in the release
  bool name_as_given = true;  // a part's charset is stored as spelled, not canonical (cache version >= 10)
};

inline constexpr std::uint16_t kNoCharsetIndex = 0xFFFF;

// A known character set.
struct Charset {
  std::string name;                       // canonical, lower case; what ICU is asked for
  std::uint16_t index = kNoCharsetIndex;  // in the numbered list
};

// Nothing if the name is not known under these rules. An empty name is unknown.
[[nodiscard]] std::optional<Charset> find_charset(std::string_view name, const CharsetRules& rules);

// Turns bytes of one character set into UTF-8, piece by piece. Bytes that mean nothing become `replacement`.
class CharsetDecoder {
 public:
  // `canonical` as in Charset::name. An unknown name gives a decoder for which known() is false and which
  // decodes nothing.
  CharsetDecoder(std::string_view canonical, std::string_view replacement);
  CharsetDecoder(CharsetDecoder&&) noexcept;
  CharsetDecoder& operator=(CharsetDecoder&&) noexcept;
  CharsetDecoder(const CharsetDecoder&) = delete;
  CharsetDecoder& operator=(const CharsetDecoder&) = delete;
  ~CharsetDecoder();

  [[nodiscard]] bool known() const;
  // Appends what `bytes` give to `out`; an incomplete character waits for the next call.
  void decode(std::string_view bytes, std::string& out);
  // The end of a piece of text: an incomplete character becomes the replacement (UTF-8: vanishes), shift
  // states end.
  void finish(std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Appends a code point as UTF-8; U+FFFD for surrogates and values above U+10FFFF.
void append_utf8(std::string& out, char32_t code_point);
// The code points of a UTF-8 text; invalid bytes give U+FFFD.
[[nodiscard]] std::u32string utf8_to_code_points(std::string_view text);

// Unicode data that the search form of old releases needs.
struct Decomposition {
  std::u32string text;         // one step; empty: none
  bool compatibility = false;  // else canonical
};
[[nodiscard]] Decomposition decomposition_of(char32_t code_point);
[[nodiscard]] char32_t simple_lower_case(char32_t code_point);
[[nodiscard]] bool is_separator(char32_t code_point);  // general category Z*
// True if the character was in Unicode `major`.0 already.
[[nodiscard]] bool assigned_in_unicode(char32_t code_point, unsigned major);

}  // namespace cyr::text

// One response of an IMAP server (RFC 3501 section 7), parsed without knowing what it is about. Bytes in,
// values out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/error.h"

namespace cyr::cyradm {

// A string in any of its forms, NIL, or a list.
struct ImapValue {
  enum class Kind : std::uint8_t { nil, string, list };
  Kind kind = Kind::nil;
  std::string text;              // string; of NIL as sent
  std::vector<ImapValue> items;  // list

  [[nodiscard]] bool is_string() const { return kind == Kind::string; }
  [[nodiscard]] bool is_list() const { return kind == Kind::list; }
  // For nstrings; nothing for NIL, "" for a list.
  [[nodiscard]] std::optional<std::string> nstring() const;
};

struct ImapResponse {
  enum class Kind : std::uint8_t {
    continuation,  // "+ text"
    status,        // OK NO BAD BYE PREAUTH, tagged or not
    data,          // "* WORD values..."
  };
  Kind kind = Kind::data;
  std::string tag;   // "*" when untagged; "+" for a continuation
  std::string word;  // upper case
  std::string code;  // status: what stood in [...], without the brackets; empty: none
  std::string text;  // status and continuation
  std::vector<ImapValue> values;
  std::size_t size = 0;  // bytes that it was read from

  [[nodiscard]] bool tagged() const { return kind == Kind::status && tag != "*"; }
  // The word of the code ("CAPABILITY", "REFERRAL"), upper case, and what follows it.
  [[nodiscard]] std::string code_word() const;
  [[nodiscard]] std::string code_rest() const;
};

inline constexpr int max_value_depth = 16;

// `response`: one line without its end, or several with literals between ("... {5}" CRLF, five bytes, the
// rest). Errc::corrupt with the offset of the trouble.
Result<ImapResponse> parse_response(std::string_view response);

// The literal that `line` says comes next, in bytes: for lines of data only, since the text of OK, NO, BAD
// and BYE may end in anything. Errc::corrupt for a number out of range.
Result<std::optional<std::uint64_t>> literal_announced(std::string_view response, std::string_view line);

}  // namespace cyr::cyradm

// Encoded words in header fields (RFC 2047) as Cyrus decodes them, which is not quite what the RFC says. 3.x
// treats neighbouring words as one stream, 2.1-2.5 every word alone. Format: format/doc/message.md, "Encoded
// words".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "format/text/charset.h"

namespace cyr::text {

// What cannot be decoded becomes U+FFFD; 2.1-2.4 write the letter X for it, which is to_search_form()'s
// matter.
enum class HeaderDecoding : std::uint8_t {
  words_2_2,  // 2.1, 2.2: each word alone; a bad =XX gives nothing
  words_2_3,  // 2.3-2.5: each word alone; a bad =XX gives the replacement
  streams,    // 3.x
};

struct HeaderDecodeOptions {
  HeaderDecoding decoding = HeaderDecoding::streams;
  CharsetRules charsets;
  bool plain_text_is_utf8 =
      false;  // imapd.conf rfc2047_utf8: text outside encoded words is UTF-8, else us-ascii
  bool pad_resets_base64 = true;  // '=' in B text drops pending bits (3.2+), else it is skipped
};

// The decoded value as UTF-8, ending at a NUL character. Any bytes can be decoded.
[[nodiscard]] std::string decode_header_value(std::string_view value, const HeaderDecodeOptions& options);

}  // namespace cyr::text

// Content transfer decoding as Cyrus does it (mailbox.md 5.4): any bytes decode to something. Used for the
// GUIDs of body parts and for encoded words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cyr::text {

// A base64 stream; characters outside the alphabet are skipped and decoding goes on to the end.
class Base64Decoder {
 public:
  // `pad_resets`: '=' drops the bits collected so far (3.2 and later), else it is skipped like other
  // characters.
  explicit Base64Decoder(bool pad_resets) : pad_resets_(pad_resets) {}

  // Appends the whole bytes that `text` completes; the rest waits for the next call.
  void decode(std::string_view text, std::string& out);

 private:
  std::uint32_t bits_ = 0;
  unsigned count_ = 0;  // characters collected: 0 to 3
  bool pad_resets_;
};

// Appends decoded quoted-printable: per line, white space at the end goes, '=' at the end joins, a bad '='
// stays, CR is dropped, LF gives CRLF. A line is cut every 999 characters.
void decode_quoted_printable(std::string_view text, std::string& out);
// Q text of an encoded word: the same, '_' being a space.
void decode_q_text(std::string_view text, std::string& out);

// Value of a hex digit, or -1.
[[nodiscard]] int hex_value(char c);

}  // namespace cyr::text

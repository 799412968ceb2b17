// Content transfer decoding. Both decoders write into the caller's buffer, which is meant to be used again
// for the next part: message parsing spends most of its time here and in SHA-1.
#include "format/text/transfer.h"

#include <array>
#include <cstring>

#include "format/base/text.h"

namespace cyr::text {

namespace {

constexpr std::uint8_t kSkip = 0xFF;
constexpr std::uint8_t kPad = 0xFE;
constexpr std::size_t kLongestLine = 999;  // characters of a quoted-printable line before it is cut

constexpr std::array<std::uint8_t, 256> make_base64_values() {
  std::array<std::uint8_t, 256> values{};
  for (auto& value : values) {
    value = kSkip;
  }
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  values['='] = kPad;
  return values;
}
constexpr auto kBase64Values = make_base64_values();

std::uint8_t base64_value(char c) { return kBase64Values[static_cast<unsigned char>(c)]; }

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// Decodes one line of quoted-printable without its line end. True if it ends in a soft line break.
bool decode_line(std::string_view line, bool header, std::string& out) {
  while (!line.empty() && is_blank(line.back())) {
    line.remove_suffix(1);
  }
  const bool joined = !line.empty() && line.back() == '=';
  if (joined) {
    line.remove_suffix(1);
  }
  for (std::size_t i = 0; i < line.size();) {
    const char c = line[i];
    if (c == '=' && i + 2 < line.size() && hex_value(line[i + 1]) >= 0 && hex_value(line[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(line[i + 1]) * 16 + hex_value(line[i + 2]));
      i += 3;
    } else {
      out += header && c == '_' ? ' ' : c;
      ++i;
    }
  }
  return joined;
}

// The fast path: a line without '=' or CR inside is copied as it is.
bool copy_plain_line(std::string_view line, std::string& out) {
  if (line.size() >= kLongestLine || std::memchr(line.data(), '=', line.size()) != nullptr ||
      std::memchr(line.data(), '\r', line.size()) != nullptr) {
    return false;
  }
  while (!line.empty() && is_blank(line.back())) {
    line.remove_suffix(1);
  }
  out.append(line);
  return true;
}

// One line, cut into pieces of kLongestLine characters (CR not counted). True if its last piece ends in a
// soft break.
bool decode_long_line(std::string_view line, bool header, std::string& out) {
  std::string piece;
  for (const char c : line) {
    if (c == '\r') {
      continue;
    }
    piece += c;
    if (piece.size() == kLongestLine) {
      decode_line(piece, header, out);
      piece.clear();
    }
  }
  return decode_line(piece, header, out);
}

void decode_lines(std::string_view text, bool header, std::string& out) {
  while (!text.empty()) {
    const std::size_t lf = text.find('\n');
    std::string_view line = text.substr(0, lf);
    const bool ended = lf != std::string_view::npos;
    text.remove_prefix(ended ? lf + 1 : text.size());
    if (ended && !line.empty() && line.back() == '\r') {
      line.remove_suffix(1);
    }
    const bool plain = !header && copy_plain_line(line, out);
    const bool joined = !plain && decode_long_line(line, header, out);
    if (ended && !joined) {
      out += "\r\n";
    }
  }
}

}  // namespace

int hex_value(char c) {
  if (is_digit(c)) {
    return c - '0';
  }
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

void Base64Decoder::decode(std::string_view text, std::string& out) {
  const std::size_t start = out.size();
  out.resize(start + text.size() / 4 * 3 + 4);
  char* to = out.data() + start;
  const char* from = text.data();
  const char* const end = from + text.size();
  while (from != end) {
    if (count_ == 0 && end - from >= 4) {
      const std::uint8_t a = base64_value(from[0]);
      const std::uint8_t b = base64_value(from[1]);
      const std::uint8_t c = base64_value(from[2]);
      const std::uint8_t d = base64_value(from[3]);
      if (((a | b | c | d) & 0x80) == 0) {
        to[0] = static_cast<char>(a << 2 | b >> 4);
        to[1] = static_cast<char>(b << 4 | c >> 2);
        to[2] = static_cast<char>(c << 6 | d);
        to += 3;
        from += 4;
        continue;
      }
    }
    const std::uint8_t value = base64_value(*from++);
    if (value == kPad && pad_resets_) {
      count_ = 0;
    }
    if (value >= kPad) {
      continue;
    }
    bits_ = bits_ << 6 | value;
    // The first character of a group completes no byte; the 2nd, 3rd and 4th complete one each.
    if (++count_ > 1) {
      *to++ = static_cast<char>(bits_ >> (8 - 2 * count_));
    }
    count_ %= 4;
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
}

void decode_quoted_printable(std::string_view text, std::string& out) { decode_lines(text, false, out); }

void decode_q_text(std::string_view text, std::string& out) { decode_lines(text, true, out); }

}  // namespace cyr::text

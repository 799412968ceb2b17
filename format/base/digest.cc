#include "format/base/digest.h"

#include <openssl/sha.h>

#include <charconv>

namespace cyr {

std::string Guid::hex() const { return to_hex(raw); }

Guid sha1(Bytes bytes) {
  Guid guid;
  // One call on a complete buffer: much cheaper than a context per body part (messages are small).
  SHA1(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),  // NOLINT
       reinterpret_cast<unsigned char*>(guid.raw.data()));                  // NOLINT
  return guid;
}

std::string to_hex(Bytes bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    out += digits[std::to_integer<std::size_t>(byte >> 4)];
    out += digits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return out;
}

std::optional<Buffer> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) {
    return {};
  }
  Buffer out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    const auto [end, failed] = std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    if (failed != std::errc{} || end != text.data() + i + 2) {
      return {};
    }
    out.push_back(static_cast<std::byte>(value));
  }
  return out;
}

}  // namespace cyr

// Runs of ASCII, which most mail consists of.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace cyr::text {

// How many bytes at the beginning of `text` are ASCII (below 0x80).
[[nodiscard]] inline std::size_t ascii_run(std::string_view text) {
  constexpr std::uint64_t high_bits = 0x8080808080808080U;
  std::size_t at = 0;
  for (std::uint64_t eight = 0; at + sizeof eight <= text.size(); at += sizeof eight) {
    std::memcpy(&eight, text.data() + at, sizeof eight);
    if ((eight & high_bits) != 0) {
      break;
    }
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) {
    ++at;
  }
  return at;
}

}  // namespace cyr::text

// Finding and correcting one wrong byte by a CRC32. A CRC is linear: the difference between the computed and
// the stored value says which single byte, with which mask, would explain it. A flipped bit of a header or
// record is so undone exactly instead of being thrown away. Chance that unrelated damage looks like one byte:
// 255 * size / 2^32 (some 7 in a million for an index record), and every user checks the result for sense.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "format/base/bytes.h"

namespace cyr::check {

struct ByteFix {
  std::size_t offset = 0;  // in the data; data.size() and above: a byte of the stored CRC itself
  std::uint8_t mask = 0;   // to be XORed in
};

// The only single-byte change after which crc32(data) is `stored_crc`; nothing when there is none or more
// than one, or when the CRC is right already. Time: 255 steps for each byte.
[[nodiscard]] std::optional<ByteFix> find_wrong_byte(Bytes data, std::uint32_t stored_crc);

// The two flipped bits in data[from, to) after which crc32(data) is `stored_crc`; nothing when there are none
// or more than one such pair. Time: 8 * (to - from) look-ups. Chance of a wrong answer: 32 * (to - from)^2 /
// 2^32.
[[nodiscard]] std::optional<std::pair<ByteFix, ByteFix>> find_wrong_bits(Bytes data, std::uint32_t stored_crc,
                                                                         std::size_t from, std::size_t to);

}  // namespace cyr::check

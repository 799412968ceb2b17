// The CRC32 of every Cyrus format: zlib's (mailbox.md 1).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "format/base/bytes.h"

namespace cyr {

// CRC32 of `bytes`; with `start`, continues an earlier one. The empty string gives 0.
[[nodiscard]] std::uint32_t crc32(Bytes bytes, std::uint32_t start = 0);
[[nodiscard]] inline std::uint32_t crc32(std::string_view text, std::uint32_t start = 0) {
  return crc32(as_bytes(text), start);
}

// Which bit of the `length` bytes under a CRC is flipped, when it is exactly one: its byte and the mask that
// puts it right. `difference` is the CRC that was found xor the one that should be. Below 2^29 bytes there is
// at most one answer; what damaged more than a bit looks like a flipped bit with a chance of length / 2^29.
struct FlippedBit {
  std::uint64_t position = 0;  // byte; `length`: the bit is in the stored CRC, and the bytes are right
  std::uint8_t mask = 0;
};
[[nodiscard]] std::optional<FlippedBit> find_flipped_bit(std::uint32_t difference, std::uint64_t length);

// Can one wrong byte be all that is wrong, among the last `length` bytes under a CRC or in the stored CRC
// itself? `difference` as above. What damaged more looks so with a chance of length / 2^24.
[[nodiscard]] bool is_one_changed_byte(std::uint32_t difference, std::uint64_t length);

}  // namespace cyr

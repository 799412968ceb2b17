// The CRC32 of every Cyrus format: zlib's (mailbox.md 1).
#pragma once

#include <cstdint>
#include <string_view>

#include "format/base/bytes.h"

namespace cyr {

// CRC32 of `bytes`; with `start`, continues an earlier one. The empty string gives 0.
[[nodiscard]] std::uint32_t crc32(Bytes bytes, std::uint32_t start = 0);
[[nodiscard]] inline std::uint32_t crc32(std::string_view text, std::uint32_t start = 0) {
  return crc32(as_bytes(text), start);
}

}  // namespace cyr

#include "format/base/crc32.h"

#include <zlib.h>

namespace cyr {

std::uint32_t crc32(Bytes bytes, std::uint32_t start) {
  if (bytes.empty()) {
    return start;  // zlib would forget `start` when the pointer is null
  }
  // zlib reads unsigned char; std::byte may alias it.
  const auto* data = reinterpret_cast<const Bytef*>(bytes.data());  // NOLINT
  return static_cast<std::uint32_t>(::crc32_z(start, data, bytes.size()));
}

}  // namespace cyr

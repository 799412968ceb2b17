// XXH3 from its one-header library, kept out of everything else.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "format/db/twom_format.h"

namespace cyr::db::twom {

std::uint32_t checksum(Checksum kind, Bytes bytes) {
  if (kind != Checksum::xxh3 || bytes.empty()) {
    return 0;
  }
  return static_cast<std::uint32_t>(XXH3_64bits(bytes.data(), bytes.size()));
}

}  // namespace cyr::db::twom

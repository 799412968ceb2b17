// What every decoder of a record in a file does first.
#pragma once

#include "format/base/bytes.h"
#include "format/base/residency.h"

namespace cyr::db {

// `from`: the file from the record on. A search jumps about in the file, so the next two cache lines of the
// record are asked for at once instead of one after the other; a walk gives pages back that it has left
// behind.
inline void begin_record(Bytes from) {
  constexpr std::size_t cache_line = 64;  // bytes
  ResidencyLimit::tick();
  if (from.size() > 2 * cache_line) {
    __builtin_prefetch(from.data() + cache_line);
    __builtin_prefetch(from.data() + 2 * cache_line);
  }
}

}  // namespace cyr::db

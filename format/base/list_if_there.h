// A directory that need not exist.
#pragma once

#include "format/base/io.h"

namespace cyr {

// Its entries; none when it is not there. That it cannot be read is an error: what lies in it must not be
// taken for gone.
[[nodiscard]] inline Result<std::vector<DirEntry>> list_if_there(Io& io, const fs::path& directory) {
  auto entries = io.list(directory);
  if (!entries && entries.error().code == Errc::not_found) {
    return std::vector<DirEntry>();
  }
  return entries;
}

}  // namespace cyr

// Pages that a Berkeley DB environment holds in its cache region (`__db.003` in Cyrus's stores), found
// without the library: for salvage, when the library cannot open the environment any more.
#pragma once

#include <vector>

#include "format/db/berkeley_pages.h"

namespace cyr::db::berkeley {

struct CachedPage {
  std::uint32_t pgno = 0;
  Bytes bytes;        // in the region
  bool ours = false;  // the buffer's head names the file; else it is not known whose page it is
};

// Every page image in `region` that can be one of the file with `meta`; of several with one number the one
// that was changed last. Pages that the region says are of other files are left out.
[[nodiscard]] std::vector<CachedPage> find_cached_pages(Bytes region, const Meta& meta);

}  // namespace cyr::db::berkeley

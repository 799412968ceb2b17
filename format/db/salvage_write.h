// A new database of what a salvage kept: one sorted transaction, read back and compared before it gets its
// name.
#pragma once

#include "format/db/salvage.h"

namespace cyr::db {

// Errc::exists when there is anything at `to`; nothing is left there after an error. `kind` may be another
// backend than the one that was salvaged; `options.order` is the new file's (default: the old one's where the
// backend has it). A quotalegacy tree is made of single files, so an error may leave some. Errc::invalid for
// a key that the backend cannot hold.
Status write_salvaged(Io& io, const SalvageReport& report, const fs::path& to, Kind kind,
                      const OpenOptions& options);

}  // namespace cyr::db

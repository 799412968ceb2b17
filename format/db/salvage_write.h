// A new database of what a salvage kept: one sorted transaction, read back and compared before it gets its
// name.
#pragma once

#include "format/db/salvage.h"

namespace cyr::db {

// Whether there can be a new database of this kind at `to`; to be asked before the damaged one is read.
Status check_salvage_target(Io& io, const fs::path& to, Kind kind);

// Errc::exists when there is anything at `to`; nothing is left there after an error. `kind` may be another
// backend than the one that was salvaged; `options.order` is the new file's (default: the old one's where the
// backend has it). For sql with a shared database `to` names its table. A quotalegacy tree is made of single
// files, so an error of the disk may leave some. Errc::invalid for a key or value that the backend cannot
// hold, and for a tree nothing is made then.
Status write_salvaged(Io& io, const SalvageReport& report, const fs::path& to, Kind kind,
                      const OpenOptions& options);

}  // namespace cyr::db

// A database that is made at once, of records that are all there.
#pragma once

#include <map>

#include "format/db/database.h"

namespace cyr::db {

// A new database at `path`, where nothing is yet, with these records and no others. It is on the disk when
// this returns, but for its name. A format that is one file of ours is written from front to back, without
// the log and the repack that a transaction would leave.
Status write_new_file(Io& io, const fs::path& path, Kind kind,
                      const std::map<std::string, std::string>& records, const OpenOptions& options);

}  // namespace cyr::db

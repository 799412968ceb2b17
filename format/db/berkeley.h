// The Berkeley backends: btree and hash files of the library Berkeley DB 5.3 (format/doc/berkeley.md).
//
// A file that no environment knows is read page by page, and a transaction writes it anew and renames it into
// place under a lock of the whole file, like the other backends' rewrites. A file that an environment knows
// is read from a settled copy (berkeley_settle.h) and changed by the library, in the environment, as
// Cyrus 2.x does.
#pragma once

#include "format/db/view.h"

namespace cyr::db {

[[nodiscard]] const FileFormat& berkeley_format();
[[nodiscard]] const FileFormat& berkeley_hash_format();

namespace berkeley {

Result<std::unique_ptr<Database>> open(Io& io, const fs::path& path, Kind kind, const OpenOptions& options);

// With the environment `environment`, which is made if need be. Errc::not_found without `create` when the
// file is absent.
Result<std::unique_ptr<Database>> open_in_environment(Io& io, const fs::path& path, Kind kind,
                                                      const OpenOptions& options,
                                                      const fs::path& environment);

}  // namespace berkeley

}  // namespace cyr::db

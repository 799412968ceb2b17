// From one backend to another, all or nothing: the new file is written beside the target, read back and
// compared, and only then renamed into place. Records stream; memory does not grow with their number.
#pragma once

#include <functional>
#include <optional>

#include "format/db/database.h"

namespace cyr::db {

struct ConvertOptions {
  bool replace = true;   // false: Errc::exists when there is a target already
  bool keep_old = true;  // a replaced target stays as `<target>.old` (".old.1" ... when that name is taken)
  bool dry_run = false;  // everything but writing: the source is read and every record tried
  OpenOptions open;      // hashing of quotalegacy paths, mode of new files; `order` is the target's
  std::function<Status(std::uint64_t done)>
      progress;  // now and then; an error ends the conversion, nothing changed
};

struct Converted {
  Kind from = Kind::flat;
  Kind to = Kind::flat;
  std::uint64_t records = 0;
  std::string_view caution;      // what to tell about the source's backend; mostly empty
  std::optional<fs::path> kept;  // where the replaced target (for quotalegacy: its replaced files; for a
                                 // shared SQL database: a table) is now
};

// `from_kind`: nothing finds it out. A declaration that the content contradicts is refused (Errc::corrupt),
// and so is a source with damage that hides records. `from` and `to` may be the same file. With `to_kind`
// quotalegacy the records must be quota roots; roots that the tree has and the source has not are left alone,
// as Cyrus does.
Result<Converted> convert(Io& io, const fs::path& from, std::optional<Kind> from_kind, const fs::path& to,
                          Kind to_kind, const ConvertOptions& options = {});

}  // namespace cyr::db

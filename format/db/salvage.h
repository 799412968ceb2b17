// Reading what is left of a damaged database: every record whose own bytes are whole, whatever the header, the pointers and
// the records around it say. For repair only; nothing here trusts the file, and nothing is written.
#pragma once

#include <map>
#include <string>

#include "format/db/database.h"

namespace cyr::db {

struct Salvaged {
  std::optional<Kind> kind;  // nothing: the file is none of ours, or empty
  std::map<std::string, std::string> records;
  std::uint64_t skipped = 0;  // bytes that belong to no whole record
};

// `kind` is taken where the content does not tell (a damaged magic). Errc::not_found when there is no file. In a log (skiplist, twoskip)
// the last whole version of a record counts; one that was deleted by a whole DELETE is left out, one whose deletion was
// damaged comes back. Damage is no error.
Result<Salvaged> salvage(Io& io, const fs::path& path, std::optional<Kind> kind = {});

}  // namespace cyr::db

// The backends, one row each; adding one is adding a row.
#pragma once

#include <vector>

#include "format/db/dump.h"
#include "format/db/salvage.h"
#include "format/db/view.h"

namespace cyr::db {

struct Backend {
  Kind kind;
  std::string_view name;
  Result<std::unique_ptr<Database>> (*open)(Io& io, const fs::path& path, const OpenOptions& options);
  // Whether `head`, the first bytes of a file (at least 64 KiB of it if it is longer), is of this kind.
  bool (*recognise)(Bytes head, bool whole);
  const FileFormat* (*format)();  // nothing for one that is not a single file
  // The backend's own listing of its file (cyr_dbtool dump); nothing when it has none.
  Status (*dump)(const DumpSource& source, const DumpSink& sink);
  Salvager salvage;  // nothing when there is none
  // For the user, where what is read may not be all that there is.
  std::string_view caution = {};
  bool writable = true;
};

[[nodiscard]] const std::vector<Backend>& backends();
[[nodiscard]] const Backend& backend_of(Kind kind);
// Errc::unsupported for a backend that is only read here. To be asked before anything is read or made.
[[nodiscard]] Status check_writable(Kind kind, const fs::path& path);

}  // namespace cyr::db

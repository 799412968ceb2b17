// The backends, one row each; adding one is adding a row.
#pragma once

#include <vector>

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
  Status (*dump)(Bytes file, const std::function<Status(std::string_view line)>& line);
  Salvager salvage;  // nothing when there is none
  // For the user, where what is read may not be all that there is.
  std::string_view caution = {};
};

[[nodiscard]] const std::vector<Backend>& backends();
[[nodiscard]] const Backend& backend_of(Kind kind);

}  // namespace cyr::db

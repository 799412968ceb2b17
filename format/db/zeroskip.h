// The zeroskip backend (3.1.6 to 3.12, optional there): a directory of logs. Read and converted from, not
// written.
#pragma once

#include <memory>

#include "format/db/database.h"

namespace cyr::db::zeroskip {

inline constexpr std::string_view caution =
    "zeroskip was experimental and its layout is known by its source only: compare what was read with what "
    "the server said";

Result<std::unique_ptr<Database>> open_directory(Io& io, const fs::path& path, const OpenOptions& options);

}  // namespace cyr::db::zeroskip

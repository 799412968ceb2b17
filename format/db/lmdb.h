// The lmdb backend (3.0.x, optional there): an LMDB environment in one file. Read by its page layout
// (format/doc/lmdb.md) and converted from; the library, which trusts what it maps, is not used.
#pragma once

#include <memory>
#include <vector>

#include "format/db/view.h"

namespace cyr::db::lmdb {

[[nodiscard]] bool recognise(Bytes head);

// Key and value views into `file`, in the order of the tree. Every page is looked at once at most.
[[nodiscard]] Result<std::vector<Entry>> read_tree(Bytes file);

Result<std::unique_ptr<Database>> open_file(Io& io, const fs::path& path, const OpenOptions& options);

}  // namespace cyr::db::lmdb

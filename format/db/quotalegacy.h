// The quotalegacy backend: a directory tree with one file per quota root (format/doc/quotalegacy.md).
#pragma once

#include <memory>
#include <vector>

#include "format/db/database.h"
#include "format/db/quotalegacy_format.h"

namespace cyr::db::quotalegacy {

// The tree that `path` means: the directory "quota", a name beside it ("quotas.db"), or the directory above.
[[nodiscard]] Result<Layout> layout_of(Io& io, const fs::path& path, const OpenOptions& options);

// The directories called "quota" that are there: the tree's own, and with virtual domains each domain's.
[[nodiscard]] Result<std::vector<fs::path>> directories_of(Io& io, const Layout& layout);

// Errc::not_found without `create` when there is no directory "quota".
Result<std::unique_ptr<Database>> open_tree(Io& io, const fs::path& path, const OpenOptions& options);
// The same tree where there need be none yet: it has no roots, and the first that is written makes it.
Result<std::unique_ptr<Database>> open_tree_to_be(Io& io, const fs::path& path, const OpenOptions& options);

}  // namespace cyr::db::quotalegacy

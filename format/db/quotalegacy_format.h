// quotalegacy: one file per quota root, its name the key (format/doc/quotalegacy.md). Names, paths and
// content; no I/O.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "format/base/bytes.h"

namespace cyr::db::quotalegacy {

// The directory letter of a name: of its first byte, or with `full` (fulldirhash) of all bytes up to the
// first '.'.
[[nodiscard]] char dir_hash(std::string_view name, bool full);

struct Layout {
  fs::path base;  // the configuration directory; "quota" and "domain" are below it
  bool full_dir_hash = false;
  bool virtual_domains = false;
};

// The base for what somebody named: its parent, whether that is quota, quota/ or quotas.db; the directory
// itself when it is the configuration directory (has a directory "quota" and is not called so).
[[nodiscard]] fs::path base_of(const fs::path& named, bool has_quota_directory);

// Where the file of a quota root is. Errc::invalid for a key that cannot be a file name.
[[nodiscard]] Result<fs::path> path_of(const Layout& layout, std::string_view key);

// File content of a value and back. A value that does not start with '%' has its first space exchanged with
// LF. Errc::invalid for one that would not come back the same.
[[nodiscard]] Result<std::string> encode_value(std::string_view value);
[[nodiscard]] Result<std::string> decode_value(std::string_view content);

// Whether `value` is what some release writes for a quota root: "used limit [...]" or "%(S (used limit)
// ...)".
[[nodiscard]] bool is_quota_value(std::string_view value);
// That a quota tree can hold it, as an error.
[[nodiscard]] Status check_root(std::string_view value);

}  // namespace cyr::db::quotalegacy

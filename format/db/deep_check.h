// Everything that is wrong with a database file, each with its place: for the administrator who wants to know
// before he decides. Database::consistent() stops at the first; this one goes on.
#pragma once

#include "format/db/salvage.h"

namespace cyr::db {

struct CheckFinding {
  std::string what;  // lower-case phrase
  std::optional<std::uint64_t> offset;
  std::optional<std::string> key;
};

struct CheckResult {
  Kind kind = Kind::flat;
  Order order = Order::raw;
  std::uint64_t records = 0;  // that can be read
  std::uint64_t bytes = 0;    // of their keys and values
  std::vector<CheckFinding> findings;
};

// Damage is no error; Errc::corrupt only for a file of no known kind.
Result<CheckResult> deep_check(Io& io, const fs::path& path, const SalvageOptions& options);

}  // namespace cyr::db

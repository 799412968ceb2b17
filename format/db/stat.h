// Facts about a database file for the administrator: sizes, what of it is live, transactions, levels.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "format/db/salvage.h"

namespace cyr::db {

struct StatItem {
  std::string_view name;  // "live_bytes"
  std::variant<std::uint64_t, std::string> value;
};

struct Statistics {
  std::vector<StatItem> items;  // in the order in which they are to be shown; what cannot be told is left out
  bool damaged = false;         // bytes that cannot be read, or that something points to in vain
};

// Works on damaged files too.
Result<Statistics> stat_database(Io& io, const fs::path& path, const SalvageOptions& options);

}  // namespace cyr::db

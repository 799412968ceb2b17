// A db::Database in memory, in raw key order, so that typed records are tested without a file format under
// them.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "format/db/database.h"

namespace cyr::test {

using RecordMap = std::map<std::string, std::string, std::less<>>;

// The records stay visible through the shared pointer while a list owns the database.
[[nodiscard]] std::unique_ptr<db::Database> memory_database(std::shared_ptr<RecordMap> records);

}  // namespace cyr::test

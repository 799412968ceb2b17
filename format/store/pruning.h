// Forgetting what is old in the databases that only grow: delivered messages and the message ids of
// conversations (store.md 6.4, 6.6).
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "format/store/store.h"

namespace cyr::store {

struct Pruned {
  std::uint64_t seen = 0;
  std::uint64_t removed = 0;
};

// Removes records of deliver.db older than `mark` (seconds since 1970); for a recipient in `marks`, by unique
// id or internal name, older than that instead (0: none). A database that is not there has no records. With a
// read-only Io only counts.
Result<Pruned> prune_deliveries(Store& store, std::int64_t mark,
                                const std::map<std::string, std::int64_t, std::less<>>& marks);

// Removes message ids from a conversations database: those whose conversations are all gone
// (conversations_keep_existing), else those first seen before `mark`.
Result<Pruned> prune_conversations(Store& store, const fs::path& path, std::int64_t mark);

}  // namespace cyr::store

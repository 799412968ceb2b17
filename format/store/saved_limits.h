// How long and how much old versions are kept (format/doc/undo.md).
#pragma once

#include <vector>

#include "format/store/saved_copies.h"

namespace cyr::store {

struct SavedLimits {
  std::int64_t age = std::int64_t{30} * 86400;     // seconds; 0: for ever
  std::uint64_t bytes = std::uint64_t{10} << 30U;  // on each root; 0: no limit
};

// Removes old versions that runs before `now` (seconds since 1970) kept: those of every run older than the
// limit, then of the oldest runs until a root's are below the size, hard links counted in full. A file of
// which the kept one is the only copy (set aside or removed by the run) is never removed here, nor anything
// of a run that is at work. The number of files removed.
Result<std::uint64_t> apply_limits(Io& io, const std::vector<fs::path>& roots, const fs::path& undo_directory,
                                   const SavedLimits& limits, std::int64_t now);

}  // namespace cyr::store

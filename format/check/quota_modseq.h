// The modseq that a quota root gets when its record is written (store.md 5.5, 6.5).
#pragma once

#include <cstdint>
#include <string_view>

#include "format/store/saved_copies.h"
#include "format/store/store.h"

namespace cyr::check {

// Higher than `last`. With conversations on it comes from the counters of the root's user, which are raised;
// without, it is one more; roots that belong to no user keep 0. A counters file that cannot be read is left
// alone and counts as none.
Result<std::uint64_t> next_quota_modseq(store::Store& store, std::string_view root, std::uint64_t last,
                                        store::SavedCopies& saved);

}  // namespace cyr::check

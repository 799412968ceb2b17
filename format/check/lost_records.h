// When part of an index is lost but its header is sound, the header's counters still say things about the
// lost records: how many were not expunged and how many bytes they had, how many were \Seen, \Flagged,
// \Answered, \Deleted.
#pragma once

#include <vector>

#include "format/check/context.h"

namespace cyr::check {

// `uids`: the records made anew for files whose record was lost; they are in state.records. Marks those
// expunged that the counters prove to have been, and sets flags that all of them must have had.
Status restore_lost_states(Context& context, const std::vector<std::uint32_t>& uids);

// The one subset of `sizes` with `count` members that add up to `sum`; nothing when there is none, more than
// one, or the search would take too long. Members are marked true.
[[nodiscard]] std::optional<std::vector<bool>> unique_subset(const std::vector<std::uint64_t>& sizes,
                                                             std::size_t count, std::uint64_t sum);

}  // namespace cyr::check

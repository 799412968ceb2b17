// Single wrong bits in an index version without checksums (before 12), found by what else is known of the
// mailbox.
#pragma once

#include "format/check/context.h"

namespace cyr::check {

// Does the mailbox keep the internaldate as the time of its message files, as Cyrus does? (A store that was
// copied without times has lost it.) Counts up to 100 of the `sound` records.
struct FileDates {
  std::size_t same = 0, other = 0;  // records whose file has their internaldate; has another one
  [[nodiscard]] bool kept() const { return same > other; }
};
[[nodiscard]] FileDates count_file_dates(const State& state, const std::vector<std::size_t>& sound);

// Corrects internaldates, modseqs and user flags of the records, and last_uid and highestmodseq of the
// header, where one bit explains what cannot be. Nothing in versions with checksums.
Status correct_unchecked_bits(Context& context);

}  // namespace cyr::check

// \Seen of the one user for whom index records keep it since v12: before that it lies in his seen database
// (mailbox.md 8, 11).
#pragma once

#include <optional>
#include <string>

#include "format/check/context.h"
#include "format/meta/seen.h"
#include "format/text/sequence_set.h"

namespace cyr::check {

// Where the state lies, and what it is.
struct SeenState {
  fs::path path;
  std::string key;                    // the mailbox's unique id
  std::optional<std::string> stored;  // the value as it stands
  meta::SeenRecord record;            // of `stored`; empty when there is none that can be read
  text::SequenceSet uids;
};

// Where that user's state of this mailbox lies, and what it is: the owner's, or that of "anyone" with shared
// \Seen. Nothing for a mailbox without either: nobody's state is in its index.
Result<std::optional<SeenState>> owner_seen(Context& context);

// The record with other uids and times; the text of an unchanged set stays as it is.
[[nodiscard]] std::string seen_value(const SeenState& state, const text::SequenceSet& uids,
                                     std::uint32_t recentuid, std::uint64_t recenttime);

}  // namespace cyr::check

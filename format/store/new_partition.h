// Where a new mailbox goes: partition and layout (store.md 1.3, 2.7).
#pragma once

#include "format/store/administration.h"

namespace cyr::store {

// The partition asked for; else that of the nearest mailbox above; else defaultpartition; else what
// partition_select_mode finds. Refusal::unknown_partition.
Result<std::string> partition_for(Administration& admin, std::string_view name,
                                  const std::optional<std::string>& wanted);

// By name where the user's INBOX (of a shared mailbox: the nearest mailbox above) is so, by id where it is by
// id; without such a mailbox as mailbox_legacy_dirs says.
Result<names::Layout> layout_for(Administration& admin, std::string_view name);

}  // namespace cyr::store

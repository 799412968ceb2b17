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

// Space in KiB on the partitions that new mailboxes may come to: of the one with the highest share free, and
// of all, each file system once.
struct DiskSpace {
  std::uint64_t most_free = 0, most_size = 0;
  std::uint64_t all_free = 0, all_size = 0;
};
[[nodiscard]] DiskSpace disk_space(const Administration& admin);

}  // namespace cyr::store

// Single records of a sound mailboxes.db that cannot be read: rebuilt from the mailbox's other record
// (from 3.6 on a mailbox has one by name and one by unique id), else from its header and index.
#pragma once

#include <atomic>

#include "format/check/list_rebuild.h"

namespace cyr::check {

// Reports each such record as L707. `added` counts the rebuilt ones, `unresolved` those that nothing tells;
// these stay as they are. The old list is saved before it is changed; with a read-only Io it is only
// computed. The partitions are read only when a name record has no readable record by id.
Result<RebuildSummary> repair_list_records(store::Store& store, store::SavedCopies& saved, Reporter& reporter,
                                           std::int64_t now, const std::atomic<bool>* stop = nullptr);

}  // namespace cyr::check

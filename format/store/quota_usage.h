// What mailboxes use of their quota roots (store.md 5.2).
#pragma once

#include "format/mailbox/index.h"
#include "format/store/quota_room.h"
#include "format/store/store.h"

namespace cyr::store {

// What one mailbox counts, by the header of its index.
[[nodiscard]] meta::Usage usage_of(const mailbox::IndexHeader& index);
[[nodiscard]] meta::Usage negative(const meta::Usage& usage);

// Adds `change` to what `root` has used; `mailbox` (internal name) is the one that changed. A root that is
// not there is left so. Each write raises the root's MODSEQ.
Status add_usage(Store& store, const std::string& root, std::string_view mailbox, const meta::Usage& change);

// Refusal::over_quota when `root` has no room for `demand`.
Status check_room(Store& store, const std::string& root, const QuotaDemand& demand);

}  // namespace cyr::store

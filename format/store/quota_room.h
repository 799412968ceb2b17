// Is there room under a quota root (server.md 3, "Over-quota rules")?
#pragma once

#include <optional>
#include <string_view>

#include "format/meta/quota.h"
#include "format/store/store.h"

namespace cyr::store {

// What an operation is going to add, by resource, in bytes or items. A negative number: this resource is not
// asked about. 0: is the root over its limit already?
using QuotaDemand = meta::Usage;
inline constexpr QuotaDemand no_quota_demand{-1, -1, -1, -1};

// The first resource that `demand` has no room in; nothing: it fits.
[[nodiscard]] std::optional<meta::Resource> over_quota(const meta::QuotaRoot& root,
                                                       const QuotaDemand& demand);
// The same for the root of a name; a root that does not exist (empty name) has no limits.
Result<std::optional<meta::Resource>> over_quota(Store& store, std::string_view root,
                                                 const QuotaDemand& demand);

}  // namespace cyr::store

#include "format/store/quota_room.h"

namespace cyr::store {

std::optional<meta::Resource> over_quota(const meta::QuotaRoot& root, const QuotaDemand& demand) {
  for (std::size_t i = 0; i < meta::resource_count; ++i) {
    if (demand[i] < 0 || !root.limit[i] || *root.limit[i] < 0) {
      continue;
    }
    // Limits and usage come from disk: no sum or product may overflow.
    __extension__ using Wide = __int128;
    if (Wide{root.used[i]} + demand[i] > Wide{*root.limit[i]} * meta::resources[i].unit) {
      return static_cast<meta::Resource>(i);
    }
  }
  return {};
}

Result<std::optional<meta::Resource>> over_quota(Store& store, std::string_view root,
                                                 const QuotaDemand& demand) {
  if (root.empty()) {
    return std::optional<meta::Resource>();
  }
  CYR_TRY(meta::Quotas * quotas, store.quotas());
  CYR_TRY(const auto found, quotas->get(root));
  return found ? over_quota(*found, demand) : std::optional<meta::Resource>();
}

}  // namespace cyr::store

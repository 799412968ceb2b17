#include "format/store/quota_usage.h"

#include "format/mailbox/index_layout.h"
#include "format/store/counters.h"
#include "format/store/refusal.h"

namespace cyr::store {

meta::Usage usage_of(const mailbox::IndexHeader& index) {
  // Before version 12 every record is a message.
  const bool counts = mailbox::has_record_crc(index.minor_version);
  return {static_cast<std::int64_t>(index.quota_mailbox_used),
          static_cast<std::int64_t>(counts ? index.exists : index.num_records),
          static_cast<std::int64_t>(index.quota_annot_used), 1};
}

meta::Usage negative(const meta::Usage& usage) {
  meta::Usage out{};
  for (std::size_t i = 0; i < usage.size(); ++i) {
    out[i] = -usage[i];
  }
  return out;
}

Status add_usage(Store& store, const std::string& root, std::string_view mailbox, const meta::Usage& change) {
  if (root.empty() || change == meta::Usage{}) {
    return success();
  }
  CYR_TRY(meta::Quotas * quotas, store.quotas());
  return quotas->change(root, [&](std::optional<meta::QuotaRoot>& found) -> Result<bool> {
    if (!found) {
      return false;
    }
    found->used = meta::add(found->used, change);
    // A quota -f that is running has counted this mailbox already.
    if (found->scan && mailbox <= found->scan->mailbox) {
      found->scan->used = meta::add(found->scan->used, change);
    }
    found->form = meta::QuotaForm::dlist_modseq;
    CYR_TRY(found->modseq, next_quota_modseq(store, root, found->modseq, nullptr));
    return true;
  });
}

Status check_room(Store& store, const std::string& root, const QuotaDemand& demand) {
  CYR_TRY(const auto full, over_quota(store, root, demand));
  return full ? Status(refuse(Refusal::over_quota)) : success();
}

}  // namespace cyr::store

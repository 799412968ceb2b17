// One limit of one quota root, set beside a running server or without one, in a store of any release (quota
// --set). Which mailboxes then belong to a new root, and what they use, is quota_check.h's matter.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "format/meta/quota.h"
#include "format/store/saved_copies.h"
#include "format/store/store.h"

namespace cyr::check {

struct QuotaSetting {
  std::string root;  // internal form; "example.org!" is a whole domain
  meta::Resource resource = meta::Resource::storage;
  std::optional<std::int64_t> limit;  // in the resource's unit; nothing: unlimited
};
struct QuotaSettingDone {
  bool created = false;                // there was no such root
  std::optional<std::int64_t> before;  // in the resource's unit; nothing: unlimited
};

// Under the lock that servers take when they change roots; the other limits stay. Errc::not_found for a new
// root that no mailbox lies at or below, unsupported for a resource that the release's records cannot hold
// (2.0 to 2.4: STORAGE only), corrupt for a record that cannot be read. With a read-only Io only found out.
Result<QuotaSettingDone> set_quota_limit(store::Store& store, const QuotaSetting& setting,
                                         store::SavedCopies& saved);

// For a store that goes down to an earlier release: every record in a form that this one reads. What `text`
// cannot hold (limits of other resources than STORAGE) is named in `lost`, one line a root.
struct QuotaForms {
  std::uint64_t written = 0;
  std::vector<std::string> lost;
};
Result<QuotaForms> write_quota_forms(store::Store& store, meta::QuotaForm form, store::SavedCopies& saved);

// What to count again after that: the root, or the outermost one that covers it and so lost mailboxes to it.
Result<std::string> outermost_root(store::Store& store, const std::string& root);

}  // namespace cyr::check

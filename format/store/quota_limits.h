// Limits of quota roots (store.md 5).
#pragma once

#include "format/store/administration.h"

namespace cyr::store {

struct QuotaLimit {
  meta::Resource resource = meta::Resource::storage;
  std::int64_t limit = -1;  // in the resource's unit; negative: none
};
// The resource of an IMAP name, compared without case ("STORAGE"; RFC 9208's ANNOTATION-STORAGE and MAILBOX
// too). Refusal::unknown_resource.
[[nodiscard]] Result<meta::Resource> resource_of(std::string_view name);

// SETQUOTA: exactly these limits, every other resource is unlimited afterwards; no limit at all leaves a root
// without limits. A new root takes over the mailboxes at and below its name, except those of longer roots,
// with what they use. Refusal: permission for anybody but administrators, bad_name, nonexistent for a name
// that no mailbox has or is below, unless `force`.
Status set_quota(Administration& admin, const std::string& root, const std::vector<QuotaLimit>& limits,
                 bool force = false);

// Takes its mailboxes off the root, gives them to the next longer one above, and removes it.
Status remove_quota_root(Administration& admin, const std::string& root);

// Is there a local mailbox at or below the root's name?
Result<bool> covers_mailboxes(Store& store, const std::string& root);
// The server's lock against a quota -f that begins meanwhile; held until the file is closed.
Result<File> lock_quota_change(Store& store);

// Refusal::no_quota_root.
Result<meta::QuotaRoot> get_quota(Store& store, const std::string& root);
// The root of a mailbox: what its header says, or the list's rule when the header cannot be read; nothing
// when there is none.
Result<std::optional<meta::QuotaRoot>> quota_root_of(Store& store, const meta::MailboxEntry& entry);

// Removes the roots of a user who is gone.
Status erase_quota_roots(Administration& admin, const names::UserId& user);

}  // namespace cyr::store

// What every operation of an administrator, or of a user on his mailboxes, needs. One operation at a time.
#pragma once

#include "format/store/identity.h"
#include "format/store/locks.h"
#include "format/store/refusal.h"
#include "format/store/store.h"

namespace cyr::store {

struct Administration {
  Store& store;
  UserLocks& locks;
  Actor actor;
  std::int64_t now = 0;  // seconds since 1970; to be set anew for each operation

  [[nodiscard]] Io& io() const { return store.io(); }
  [[nodiscard]] const conf::Config& config() const { return store.config(); }
  // As the caller may see it: Refusal::nonexistent.
  [[nodiscard]] names::UserId owner_of(std::string_view mailbox) const;
};

// Finding entries; all names are internal ones. Only mailboxes: no tombstones, no names that have children
// only.
Result<std::optional<meta::MailboxEntry>> find_mailbox(Store& store, std::string_view name);
// The same; Refusal::nonexistent.
Result<meta::MailboxEntry> need_mailbox(Store& store, std::string_view name);
// The nearest mailbox above `name`. A component INBOX directly below a user is none (store.md 4.5).
Result<std::optional<meta::MailboxEntry>> find_parent(Store& store, std::string_view name);
// Mailboxes below `name`, in the list's order.
Result<std::vector<meta::MailboxEntry>> mailboxes_below(Store& store, std::string_view name);

// The user namespace lock of everybody whose mailboxes an operation touches, in the order of the ids.
Result<std::vector<std::shared_ptr<File>>> lock_users(Administration& admin,
                                                      std::vector<std::string> mailboxes);

// Writes an entry of the list; `before` is the one that it replaces, for the counters of those who may see
// the mailbox no longer or for the first time.
Status put_entry(Administration& admin, const std::optional<meta::MailboxEntry>& before,
                 const meta::MailboxEntry& after);
// The same for a mailbox that gets another name: the old one stays as a tombstone, `after.foldermodseq` in
// it.
Status rename_entry(Administration& admin, const meta::MailboxEntry& before, const meta::MailboxEntry& after);

// Only the keyed list of 3.6 and later is changed by these operations: Errc::unsupported for an older one.
Status need_keyed_list(Store& store);

}  // namespace cyr::store

// Deleting mailboxes and users (format/doc/administration.md; store.md 2.6).
#pragma once

#include "format/store/administration.h"

namespace cyr::store {

struct DeleteRequest {
  std::string name;          // internal
  bool check_rights = true;  // the right x is asked for, of administrators too, as the server does
  bool at_once = false;      // nothing is kept under DELETED, whatever delete_mode says
};

// DELETE. A user's INBOX, which only administrators may delete, takes the whole user with it. Anything else
// must not have mailboxes below it. With delete_mode delayed the mailbox is kept under DELETED; one that is
// there already is removed. Refusal: nonexistent, permission, not_supported (one's own INBOX), has_children,
// special_use.
Status delete_mailbox(Administration& admin, const DeleteRequest& request);

// After everybody has closed a mailbox whose index says `deleted`: its files go. True if they did; false when
// somebody still has it open.
Result<bool> finish_deleted(Administration& admin, const meta::MailboxEntry& entry);

}  // namespace cyr::store

// Another name or another partition for mailboxes and users (format/doc/administration.md).
#pragma once

#include <functional>

#include "format/store/administration.h"

namespace cyr::store {

struct RenameRequest {
  std::string from;  // internal names
  std::string to;
  std::optional<std::string> partition = {};  // `from` equal to `to`: move it there; administrators only
  // Called after each mailbox, or when one below `from` could not be renamed, with the error.
  std::function<void(const std::string& from, const std::string& to, const Status& result)> each = {};
};

// RENAME, with the mailboxes below. A user is renamed by giving his INBOX another user's name
// (administrators, allowusermoves): his data, quota roots and entry in his own ACLs follow. Refusal:
// nonexistent, exists, bad_name, permission, not_supported, over_quota, unknown_partition, rename_and_move,
// special_use. The INBOX of admin.actor itself cannot be renamed here: for RENAME INBOX the caller makes the
// new mailbox and moves the messages.
Status rename_mailbox(Administration& admin, const RenameRequest& request);

// One mailbox without those below it, without asking for rights: what a delayed delete does.
Status move_mailbox(Administration& admin, const meta::MailboxEntry& entry, const std::string& to,
                    const std::string& partition);

}  // namespace cyr::store

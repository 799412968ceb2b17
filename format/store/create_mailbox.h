// Making a mailbox (format/doc/administration.md).
#pragma once

#include "format/store/administration.h"

namespace cyr::store {

struct CreateRequest {
  std::string name;                           // internal
  std::optional<std::string> partition = {};  // only administrators may ask for one
  meta::MailboxKind kind = meta::MailboxKind::email;
  std::vector<std::string> special_use =
      {};                               // "\Sent"; for mailboxes of users, kept as the owner's annotation
  std::optional<std::string> acl = {};  // instead of the one that is inherited
  bool notwithstanding_rights = false;  // autocreate: the user need not be allowed to
};

// May this mailbox be made by admin.actor? Policy of names, parent's right k, folder quota.
// Refusal: bad_name, exists, permission, over_quota.
Status check_create(Administration& admin, std::string_view name, bool notwithstanding_rights = false);

// Makes the mailbox, and before it those above it that are missing, as 3.6 does. Besides check_create()'s
// Refusal: unknown_partition, special_use, annotation_entry. The entry of the mailbox asked for.
Result<meta::MailboxEntry> create_mailbox(Administration& admin, const CreateRequest& request);

// Those above `name` that are missing: create makes them from the top, rename, which has given the name to a
// mailbox before, from below.
enum class ParentsFrom : std::uint8_t { top, below };
Status create_parents(Administration& admin, std::string_view name, ParentsFrom order);

// The ACL of a new mailbox: that of the nearest one above; for a user's INBOX all rights for the user; else
// defaultacl.
Result<std::string> initial_acl(Administration& admin, std::string_view name);

}  // namespace cyr::store

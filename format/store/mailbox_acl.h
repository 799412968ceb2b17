// Changing who may do what with a mailbox (store.md 4.3).
#pragma once

#include "format/store/administration.h"

namespace cyr::store {

// SETACL: letters replace, "+letters" add, "-letters" take away, "" removes the entry. What an owner always
// has stays with him. Refusal: nonexistent, permission, invalid_identifier; Errc::invalid for a letter that
// is no right.
Status set_acl(Administration& admin, std::string_view mailbox, std::string_view identifier,
               std::string_view rights);
inline Status delete_acl(Administration& admin, std::string_view mailbox, std::string_view identifier) {
  return set_acl(admin, mailbox, identifier, "");
}

// Writes a whole ACL, for a program that takes it from elsewhere. No rights are asked for.
Status replace_acl(Administration& admin, const meta::MailboxEntry& entry, const acl::Acl& list);

// After a user got another name: his entry becomes that of the new id, at the end, as 3.6 does.
Status rename_identifier(Administration& admin, const meta::MailboxEntry& entry, const std::string& from,
                         const std::string& to);

}  // namespace cyr::store

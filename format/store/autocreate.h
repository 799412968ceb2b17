// The mailboxes of a user who logs in, or gets mail, for the first time: the autocreate_* options.
#pragma once

#include "format/store/administration.h"

namespace cyr::store {

// Would this user get an INBOX at his first login (autocreate_quota, autocreate_users)?
[[nodiscard]] bool autocreates(const Administration& admin, const Actor& user);

// Makes INBOX, with quota, folders and subscriptions, unless it is there. True if it was made. A folder that
// cannot be made is logged and left out, as the server does. Sieve scripts are not made.
Result<bool> autocreate_user(Administration& admin, const Actor& user);

}  // namespace cyr::store

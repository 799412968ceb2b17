// What a user has besides mailboxes: the databases and scripts of store.md 2.8.
#pragma once

#include "format/store/administration.h"

namespace cyr::store {

// A user's INBOX as the list has or had it, which tells where his data lies.
// Removes subscriptions, seen state, counters, conversations, scripts ... and the quota roots of a user who
// is gone.
Status delete_user_data(Administration& admin, const meta::MailboxEntry& inbox);

// Gives the data of a renamed user to the new id. By id nothing moves. By name seen state and scripts get the
// new name; of the rest the new user gets copies, and the old files stay until that name is deleted, as 3.6
// leaves them.
Status rename_user_data(Administration& admin, const meta::MailboxEntry& from, const meta::MailboxEntry& to);

}  // namespace cyr::store

// Removing a mailbox for good: its files, annotations, usage and entry (store.md 2.6).
#pragma once

#include "format/store/locks.h"
#include "format/store/store.h"

namespace cyr::store {

// Everything that belongs to the mailbox of `entry`. The list entry goes last, so that an interrupted removal
// is taken up again by the next one. Directories below it stay, and what is no file of the mailbox directory
// too. Errc::locked when a session has the mailbox open; nothing is done with a read-only Io.
Status remove_mailbox(Store& store, const meta::MailboxEntry& entry, UserLocks& locks);

}  // namespace cyr::store

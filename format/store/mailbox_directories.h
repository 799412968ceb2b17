// The directories of one mailbox as a whole: emptied and removed, or copied to another place.
#pragma once

#include "format/store/store.h"

namespace cyr::store {

// Removes everything in the directories of a mailbox, what says whose they are last, then the directories,
// and where they are named after mailboxes those above that no mailbox needs. A directory that is a symbolic
// link is Errc::invalid.
Status remove_mailbox_directories(Store& store, const MailboxFiles& files);

// Puts what is in the directories of `from` into those of `to`: message files as links where that can be, the
// rest as copies. Not cyrus.header. What an interrupted run left there is replaced.
Status copy_mailbox_directories(Store& store, const MailboxFiles& from, const MailboxFiles& to);

}  // namespace cyr::store

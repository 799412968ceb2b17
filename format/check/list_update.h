// Changes of mailboxes.db that can be undone one by one.
#pragma once

#include <string>
#include <vector>

#include "format/store/saved_copies.h"
#include "format/store/store.h"

namespace cyr::check {

// Notes old and new record of each mailbox, then erases `gone` and writes `entries` with mtime `now`.
Status update_list(store::Store& store, store::SavedCopies& saved, const std::vector<std::string>& gone,
                   const std::vector<meta::MailboxEntry>& entries, std::string_view reason, std::int64_t now);

}  // namespace cyr::check

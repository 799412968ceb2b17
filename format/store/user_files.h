// Where the databases of one user lie.
#pragma once

#include "format/store/store.h"

namespace cyr::store {

// The file of `user` with a suffix of names::Paths ("counters", "conversations"): by id where the user's
// INBOX is, else by name. Errors are those of the mailbox list and of Paths.
Result<fs::path> user_file(Store& store, const names::UserId& user, std::string_view suffix);

}  // namespace cyr::store

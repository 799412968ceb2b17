// Subscriptions of a user (store.md 6.1; the records are format/meta/subscriptions.h).
#pragma once

#include "format/store/administration.h"

namespace cyr::store {

// Internal names, in the order of the database; empty for a user who has none. A database of before 3.6 is
// read as it is.
Result<std::vector<std::string>> subscriptions_of(Store& store, const names::UserId& user);

// `force`: the mailbox need not be there, nor visible to admin.actor. Refusal: nonexistent.
Status subscribe(Administration& admin, const names::UserId& user, const std::string& mailbox,
                 bool force = false);
// Fine when it is not subscribed.
Status unsubscribe(Administration& admin, const names::UserId& user, const std::string& mailbox);

}  // namespace cyr::store

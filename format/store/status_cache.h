// statuscache.db answers STATUS without opening the mailbox (store.md 6.8).
#pragma once

#include <string_view>

#include "format/store/store.h"

namespace cyr::store {

// Removes what it says of a mailbox (internal name) that was changed. The database is disposable, so one that
// cannot be changed is no reason to fail.
void forget_status(Store& store, std::string_view mailbox);

}  // namespace cyr::store

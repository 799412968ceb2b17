// statuscache.db answers STATUS without opening the mailbox.
#pragma once

#include <string>

#include "format/store/store.h"

namespace cyr::check {

// Removes its records of a mailbox that was changed. The database is disposable, so one that cannot be
// changed is no reason to fail.
Status forget_status(store::Store& store, const std::string& mailbox);

}  // namespace cyr::check

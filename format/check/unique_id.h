// New unique ids for mailboxes that a repair puts into the list.
#pragma once

#include "format/store/unique_id.h"

namespace cyr::check {

using store::make_uniqueid;

}  // namespace cyr::check

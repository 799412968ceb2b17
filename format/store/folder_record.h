// The record of one mailbox in its owner's conversations database, which repeats the mailbox's modseq and
// counts (format/doc/conversations.md). Only with conversations on, and for mailboxes of users.
#pragma once

#include <cstdint>
#include <string_view>

#include "format/store/store.h"

namespace cyr::store {

// Sets the modseq in the record of mailbox `uniqueid`; makes the record, and the database, where there is
// none.
Status note_folder_modseq(Store& store, const names::UserId& owner, std::string_view uniqueid,
                          std::uint64_t modseq);

}  // namespace cyr::store

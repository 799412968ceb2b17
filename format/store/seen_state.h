// What a user has read in one mailbox, where that is not in the index: in the user's seen database
// (mailbox.md 8.2; format/doc/seen.md). Several sessions of a user may change it at once, so changes are made
// to what is stored, under the database's lock.
#pragma once

#include <functional>

#include "format/mailbox/index.h"
#include "format/meta/seen.h"
#include "format/store/store.h"
#include "format/text/sequence_set.h"

namespace cyr::store {

struct SeenState {
  meta::SeenRecord record;  // without `uids`
  text::SequenceSet uids;   // read messages
};

// True when \Seen of `user` is the bit of the index records, and \Recent its recentuid: for the owner of the
// mailbox, for everybody where seen state is shared, for nobody (an empty user). Never before index version
// 12.
[[nodiscard]] bool seen_is_in_index(const mailbox::IndexHeader& index, const names::UserId& owner,
                                    const names::UserId& user);
// Under whose name the state of `user` is filed when it is not in the index: "anyone" where it is shared.
[[nodiscard]] names::UserId seen_user(const mailbox::IndexHeader& index, const names::UserId& user);

// Nothing read, when there is no record or it cannot be read.
Result<SeenState> read_seen(Store& store, const names::UserId& user, std::string_view uniqueid);
// Changes the stored state in one transaction; the database is made when it is not there. Nothing is written
// when `change` changes nothing.
Status change_seen(Store& store, const names::UserId& user, std::string_view uniqueid,
                   const std::function<void(SeenState& state)>& change);

}  // namespace cyr::store

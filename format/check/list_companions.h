// What must follow a mailbox list to a later generation so that nothing is lost on the way
// (upgrade-disaster.md 3): the keys of annotations.db, and the names of the files of users with a dot in
// their id.
#pragma once

#include "format/check/list_plan.h"

namespace cyr::check {

struct CompanionSummary {
  std::uint64_t annotations = 0;       // records that got a unique id, or a name, as key
  std::uint64_t annotations_back = 0;  // records taken back from annotations.db.OLD
  std::uint64_t user_files = 0;        // files of users renamed, or united with those of the new name
  std::uint64_t scripts = 0;           // directories of Sieve scripts that got another place
  std::uint64_t seen_states = 0;       // copied for mailboxes whose unique id another one kept
  std::vector<std::string> left;       // what could not be done, one line each
};

// For a plan that writes a list of 3.0 or later, or one of an earlier release than it was. annotations.db
// (from 3.6 on): keys with names become keys with unique ids, those of the server and of unknown mailboxes
// stay; what the stock upgrade dropped comes back from annotations.db.OLD: annotations of the server when
// there are none, and those of mailboxes that the present list does not have. Down to 3.4 and before keys get
// names. User files: `harry^q^bovik.sub` becomes `harry.q.bovik.sub`; where the new server has begun such a
// file, subscriptions and seen state of both are united (the way back is mend_users()). Sieve directories get
// the names that the release looks for, those by unique id too. Everything replaced or renamed is saved; with
// a read-only Io only counted.
Result<CompanionSummary> carry_companions(store::Store& store, const ListPlan& plan,
                                          store::SavedCopies& saved);

}  // namespace cyr::check

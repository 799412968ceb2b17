// reconstruct --store: what a whole store has besides its list and its mailboxes. Each step reports on
// standard output and says how much it found, changed and had to leave.
#pragma once

#include <map>
#include <set>

#include "format/check/checker.h"
#include "format/store/locks.h"
#include "format/store/saved_copies.h"
#include "recon/reconstruct_report.h"
#include "recon/reconstruct_run.h"

namespace cyr::recon {

struct StepTotals {
  std::uint64_t found = 0, remaining = 0;
  std::uint64_t failed = 0;  // of what remains: the same command has to be given again
};

// Subscriptions, seen state and the other databases of users. `inboxes`: as in check::UsersOptions.
Result<StepTotals> mend_store_users(store::Store& store, const ReconstructOptions& options,
                                    store::SavedCopies& saved, store::UserLocks& locks,
                                    std::map<std::string, names::UserId> inboxes = {});
// Every quota root, as quota -f does.
Result<StepTotals> mend_store_quotas(store::Store& store, const ReconstructOptions& options,
                                     const ReportStyle& style, store::SavedCopies& saved,
                                     store::UserLocks& locks);
// What does not hold between the parts (format/doc/invariants.md); with `print` said in the words of
// chk_cyrus. `broken` gets the numbers of what is no mere warning.
Result<StepTotals> check_store_invariants(store::Store& store, const ReconstructOptions& options, bool print,
                                          std::set<unsigned>& broken);

}  // namespace cyr::recon

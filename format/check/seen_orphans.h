// Seen state under unique ids that no mailbox has: whose it is (format/doc/seen.md). A mailbox gets another
// id when its header is lost or when it was restored, and then nobody has read anything in it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "format/check/user_records.h"

namespace cyr::check {

struct OrphanMatch {
  SeenMove move;
  std::string mailbox;  // internal name of the one that has move.to
  std::string reason;   // how it is known, one phrase
};
struct OrphanReport {
  std::vector<OrphanMatch> matched;
  std::uint64_t unknown = 0;  // ids that nothing tells of: mostly of mailboxes that were deleted
};

// Proof is an earlier list that has the id under a name that a mailbox with the same UIDVALIDITY has now, or
// an id of 2.0 to 2.4, which is made of name and UIDVALIDITY. With `guess` also numbers alone: the only
// mailbox whose time of the last append and highest UID fit every state under the id.
Result<OrphanReport> find_seen_orphans(store::Store& store, bool guess);

}  // namespace cyr::check

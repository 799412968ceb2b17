// mailboxes.db when it is lost or damaged, and entries that it lacks: from the records that can still be read
// and from what the partitions have.
#pragma once

#include <functional>
#include <optional>
#include <set>

#include "format/check/checker.h"
#include "format/check/disk_scan.h"
#include "format/check/list_plan.h"

namespace cyr::check {

// What is wrong with the list as a database: it is absent, does not open, cannot be walked to its end or
// breaks its format's rules. Nothing: it is sound (single records may still be unreadable).
[[nodiscard]] std::optional<Error> mailbox_list_problem(store::Store& store);

struct RebuildSummary {
  std::uint64_t kept = 0;        // name records read from the damaged list
  std::uint64_t added = 0;       // from the partitions
  std::uint64_t unresolved = 0;  // directories whose name nothing tells, or that contradict a record
  std::vector<meta::MailboxEntry> entries;  // local mailboxes of the new list that have a directory
  std::set<std::string> missing;            // names of those that have none
};

// Makes the list anew, beside the old one, and puts it in its place; the damaged file is saved. With a
// read-only Io only computed and reported. Errc::invalid as refuse_plan() says.
Result<RebuildSummary> rebuild_mailbox_list(store::Store& store, store::SavedCopies& saved,
                                            Reporter& reporter, std::int64_t now,
                                            const std::atomic<bool>* stop = nullptr);
// Its steps, for who wants to see the plan first. Errc::invalid: mailboxes are missing that a partition which
// is away may hold.
Status refuse_plan(const ListPlan& plan);
Result<RebuildSummary> carry_out_plan(store::Store& store, const ListPlan& plan, store::SavedCopies& saved,
                                      Reporter& reporter, std::int64_t now);

// Adds entries to a sound list: for each of `found` whose name it lacks and that `wanted` accepts.
using WantedMailbox = std::function<bool(const FoundMailbox& found)>;
enum class DiskMetadata : bool {
  use,
  ignore,  // -x: the access list of a new mailbox, and by name a new unique id; the header follows the list
           // later
};
Result<RebuildSummary> import_mailboxes(store::Store& store, const std::vector<FoundMailbox>& found,
                                        const WantedMailbox& wanted, store::SavedCopies& saved,
                                        Reporter& reporter, std::int64_t now,
                                        DiskMetadata metadata = DiskMetadata::use);

}  // namespace cyr::check

// Directories that the release of the new list does not know: those named after unique ids (before 3.6) and
// those on archive partitions (before 3.0). Their files get the place that the name says (store.md 2.7).
#pragma once

#include "format/check/list_plan.h"

namespace cyr::check {

// Which directories get another place; those that an interrupted conversion has to put aside yet when the
// list is of the new form already. With a read-only Io too.
Result<std::vector<DirectoryMove>> plan_layout(store::Store& store, const ListPlan& plan);

// An interrupted conversion has written the new list, or one on the way to it: nothing is to be laid out any
// more, old directories are put aside.
[[nodiscard]] bool list_is_new(const ListPlan& plan);

// Every file into its new directory: messages linked where that is possible, the rest copied. The old
// directory stays whole, and a run that was interrupted here is simply made again: what it has made (see
// ListPlan::resumed) is replaced where the old directory has changed since. Errc::exists when another
// mailbox's files are at the new place.
Status lay_out_by_name(store::Store& store, const ListPlan& plan, const std::vector<DirectoryMove>& moves,
                       store::SavedCopies& saved);

// After the list was written: every file is put aside, then the directory goes.
Status put_directories_aside(Io& io, const std::vector<DirectoryMove>& moves, store::SavedCopies& saved);

}  // namespace cyr::check

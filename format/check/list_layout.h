// Directories named after unique ids, which only 3.6 and later know, for a list of an earlier release: their
// files get the place that the name says (store.md 2.7).
#pragma once

#include "format/check/list_plan.h"

namespace cyr::check {

// A mailbox and one of its directories that the new list has no use for.
struct OldDirectory {
  std::string mailbox;
  fs::path path;
};

// For a plan whose list is of 3.4 or earlier. Each mailbox that lies by id gets a directory by name with all
// of its files: messages linked where that is possible, the rest copied. The old directory stays whole, and a
// run that was interrupted here is simply made again. Returns the old directories. Errc::exists when another
// mailbox's files are at the new place. With a read-only Io only the directories are found.
Result<std::vector<OldDirectory>> lay_out_by_name(store::Store& store, const ListPlan& plan,
                                                  store::SavedCopies& saved);

// After the list was written: every file is put aside, then the directory goes.
Status put_directories_aside(Io& io, const std::vector<OldDirectory>& directories, store::SavedCopies& saved);

}  // namespace cyr::check

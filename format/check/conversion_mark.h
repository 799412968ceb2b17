// What a conversion of a whole store to an earlier release notes in the configdirectory before it changes
// anything: when it is interrupted after the list got its new form, which has no unique ids to tell, the same
// command still knows what is left to do. Taken away when the conversion is complete.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "format/store/saved_copies.h"
#include "format/store/store.h"

namespace cyr::check {

// One directory of a mailbox that gets another place.
struct DirectoryMove {
  std::string mailbox;
  fs::path from, to;
  bool messages_only = false;  // the directory on an archive partition, for a release that has none
  bool made = false;           // nothing was at `to` before the conversion
};

struct ConversionMark {
  meta::ListFormat from = meta::ListFormat::keyed_36;  // the form of the list before
  std::map<std::string, std::string> ids;              // mailbox: unique id
  std::vector<DirectoryMove> moves;
};

// Nothing when no conversion was interrupted. Lines that make no sense are left out: every directory of a
// move lies below a root of a partition.
Result<std::optional<ConversionMark>> read_conversion_mark(store::Store& store);
Status write_conversion_mark(store::Store& store, const ConversionMark& mark, store::SavedCopies& saved);
// The conversion is complete. Fine when there is no mark.
Status remove_conversion_mark(store::Store& store, store::SavedCopies& saved);

}  // namespace cyr::check

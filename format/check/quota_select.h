// What the arguments of `quota` mean: names match by hierarchy, not as prefixes of text.
#pragma once

#include <string>
#include <vector>

#include "format/check/quota_check.h"

namespace cyr::check {

struct QuotaArguments {
  std::vector<std::string> names;     // mailbox names or patterns as administrators write them, or user ids
  bool users = false;                 // they are user ids
  std::optional<std::string> domain;  // -d
};

// Errc::invalid for an argument that cannot be a name.
Result<QuotaSelection> select_quotas(const store::Store& store, const QuotaArguments& arguments);

// Roots that a report of `selection` shows: those in it, and for a name without any the root that covers it.
// Arguments with neither a root nor a mailbox of their name go to `unmatched`.
struct QuotaListing {
  std::vector<meta::QuotaRoot> roots;                     // in the container's order
  std::vector<std::pair<std::string, Error>> unreadable;  // roots whose record cannot be read
  std::vector<std::string> unmatched;                     // internal names and patterns
};
Result<QuotaListing> list_quotas(store::Store& store, const QuotaSelection& selection);

}  // namespace cyr::check

// The plan of reconstruct -m, shown.
#pragma once

#include "format/check/list_plan.h"

namespace cyr::recon {

// A table of every entry with where it comes from and why, then what is not in the list, then the totals; as
// JSON one object a line, with the member "plan" telling which.
void print_list_plan(const check::ListPlan& plan, bool json);

}  // namespace cyr::recon

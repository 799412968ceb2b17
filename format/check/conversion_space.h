// How much room the conversion of a store in place needs, by file system.
#pragma once

#include "format/check/list_plan.h"

namespace cyr::check {

struct ConversionSpace {
  fs::path root;  // a place of the store on this file system
  std::uint64_t needed =
      0;  // bytes, at most: new headers, indexes and caches beside the old ones, which are kept
  std::uint64_t free = 0;
};

// Sizes of files only, nothing is opened. Messages cost something where they leave an archive partition on
// another file system.
Result<std::vector<ConversionSpace>> conversion_space(store::Store& store, const ListPlan& plan);

}  // namespace cyr::check

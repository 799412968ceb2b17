// Sorting of what is nearly sorted already: names that come in the order of a database or of a server.
#pragma once

#include <algorithm>
#include <vector>

namespace cyr {

// Stable. The runs that are in order are merged by twos: one pass when everything is in order, as many as
// std::stable_sort needs when nothing is.
template <class Iterator, class Less>
void merge_runs(Iterator begin, Iterator end, const Less& less) {
  std::vector<Iterator> bounds{begin};
  while (bounds.back() != end) {
    bounds.push_back(std::is_sorted_until(bounds.back(), end, less));
  }
  while (bounds.size() > 2) {
    std::vector<Iterator> fewer{begin};
    for (std::size_t i = 2; i < bounds.size(); i += 2) {
      std::inplace_merge(bounds[i - 2], bounds[i - 1], bounds[i], less);
      fewer.push_back(bounds[i]);
    }
    if (fewer.back() != end) {
      fewer.push_back(end);
    }
    bounds = std::move(fewer);
  }
}

}  // namespace cyr

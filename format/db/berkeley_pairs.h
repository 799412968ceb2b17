// The pairs of one page of which nothing is known but its bytes: what can be trusted, and what can be had
// without the page's index of items. For salvage.
//
// Items lie in the page without gaps, so that a sound item ends where another one, or the page, does: that
// finds heads and index entries that are damaged. A block of 512 zeros in an item is taken for one that the
// disk lost.
#pragma once

#include <vector>

#include "format/db/berkeley_pages.h"
#include "format/db/order.h"

namespace cyr::db::berkeley {

struct PairItems {
  Item key;
  Item value;
  bool indexed = true;  // false: found by its place behind another item only
};

struct PagePairs {
  std::vector<PairItems> sound;      // in the page's order; those without index behind the others
  std::vector<PairItems> unindexed;  // whole, by their place; whether they are pairs has still to be proven
  unsigned unsound = 0;              // pairs of the index that cannot be trusted
};

// A btree leaf or a hash page, whose head may be damaged if `head_lost`.
[[nodiscard]] PagePairs leaf_pairs(const Page& page, bool head_lost);
[[nodiscard]] PagePairs hash_pairs(const Page& page);

// A block of zeros as a disk loses it, within [begin, end).
[[nodiscard]] bool has_lost_block(Bytes page, std::uint32_t begin, std::uint32_t end);

// Which of the keys are in order: the longest ascending run of them, not counting those between.
[[nodiscard]] std::vector<bool> in_order(const std::vector<std::string_view>& keys, const KeyOrder& order);

}  // namespace cyr::db::berkeley

// The check of a btree: a walk of the tree in key order beside a walk of the leaves' chain.
#include <fmt/format.h>

#include <algorithm>

#include "format/db/berkeley_view.h"

namespace cyr::db::berkeley {

namespace {

class TreeCheck {
 public:
  TreeCheck(const PageFile& file, const KeyOrder& order)
      : file_(file), order_(order), visited_(file.pages()) {}

  Status run() {
    const Meta& meta = file_.meta();
    if (meta.last_pgno > file_.pages()) {  // DB->upgrade writes the number of pages there
      return corrupt(fmt::format("has {} pages, the metadata page says {}", file_.pages(),
                                 std::uint64_t{meta.last_pgno} + 1));
    }
    CYR_CHECK(enter(meta.root, 256));
    while (!path_.empty()) {
      CYR_CHECK(step());
    }
    return next_leaf_ == 0 ? success() : corrupt(fmt::format("leaf {} is not in the tree", next_leaf_));
  }

 private:
  struct Level {  // of the path from the root
    Page page;
    unsigned next = 0;  // item
  };

  Error bad(const Page& page, std::string_view what) const {
    return corrupt(fmt::format("page {} {}", page.head.pgno, what), file_.offset_of(page.head.pgno));
  }

  Status enter(std::uint32_t pgno, unsigned level_above) {
    CYR_TRY(const Page page, file_.page(pgno));
    const bool leaf = page.type() == PageType::btree_leaf;
    if (!leaf && page.type() != PageType::btree_internal) {
      return bad(page, "is no page of the tree");
    }
    const bool root = level_above == 256;
    if ((!root && page.head.level + 1U != level_above) || page.head.level == 0 ||
        leaf != (page.head.level == 1)) {
      return bad(page, fmt::format("has level {}", page.head.level));
    }
    if (visited_[pgno]) {
      return bad(page, "is in the tree twice");
    }
    visited_[pgno] = true;
    if (leaf) {
      return visit_leaf(page);
    }
    if (page.head.entries == 0) {
      return bad(page, "leads nowhere");
    }
    path_.push_back({page});
    return success();
  }

  Status step() {
    Level& level = path_.back();
    if (level.next == level.page.head.entries) {
      path_.pop_back();
      return success();
    }
    CYR_TRY(const Item item, level.page.item(level.next));
    if (level.next++ > 0) {
      std::string scratch;
      CYR_TRY(const std::string_view key, file_.load(item, scratch));
      if (last_key_ && !order_.less(*last_key_, key)) {
        return bad(level.page, "parts its children by a key that is not greater than those before it");
      }
      parting_ = std::string(key);
    }
    return enter(item.child, level.page.head.level);
  }

  Status visit_leaf(const Page& page) {
    if (first_leaf_ ? page.head.prev_pgno != 0
                    : page.head.pgno != next_leaf_ || page.head.prev_pgno != last_leaf_) {
      return bad(page, "is not the next in the chain of leaves");
    }
    first_leaf_ = false;
    last_leaf_ = page.head.pgno;
    next_leaf_ = page.head.next_pgno;
    if (page.head.entries % 2 != 0) {
      return bad(page, "holds a key without a value");
    }
    CYR_CHECK(check_places(page));
    PairText pair;
    for (unsigned i = 0; i < page.head.entries; i += 2) {
      CYR_CHECK(load_pair(file_, page, i, pair));
      if (!pair.deleted) {
        CYR_CHECK(visit_key(page, pair.entry.key));
      }
    }
    return success();
  }

  // No byte belongs to two items: an index entry that went astray would give a key the value of another one.
  Status check_places(const Page& page) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> places;
    for (unsigned i = 0; i < page.head.entries; ++i) {
      CYR_TRY(const Item item, page.item(i));
      places.emplace_back(item.begin, item.end);
    }
    std::sort(places.begin(), places.end());
    for (std::size_t i = 1; i < places.size(); ++i) {
      if (places[i].first < places[i - 1].second) {
        return bad(page, "has two items in one place");
      }
    }
    return success();
  }

  Status visit_key(const Page& page, std::string_view key) {
    if ((last_key_ && !order_.less(*last_key_, key)) || (parting_ && order_.less(key, *parting_))) {
      return bad(page, "has a key out of order");
    }
    parting_.reset();
    last_key_ = std::string(key);
    return success();
  }

  const PageFile& file_;
  const KeyOrder& order_;
  std::vector<bool> visited_;
  std::vector<Level> path_;
  std::optional<std::string> last_key_;
  std::optional<std::string> parting_;  // the key of the tree that the next key must not be below
  bool first_leaf_ = true;
  std::uint32_t last_leaf_ = 0;
  std::uint32_t next_leaf_ = 0;
};

}  // namespace

Status BtreeView::check() const {
  CYR_TRY(const OrderSet found, orders());
  Status last = corrupt("the keys are in no order that Cyrus knows");
  for (const Order order : {Order::raw, Order::mbox}) {
    if (found.has(order)) {
      const KeyOrder key_order(order);
      last = TreeCheck(file_, key_order).run();
      if (last) {
        return last;
      }
    }
  }
  return last;
}

}  // namespace cyr::db::berkeley

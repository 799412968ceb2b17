#include "format/db/table_view.h"

#include <algorithm>

namespace cyr::db {

std::vector<Entry>::const_iterator TableView::at_or_after(std::string_view key, const KeyOrder& order) const {
  return std::lower_bound(
      entries_.begin(), entries_.end(), key,
      [&](const Entry& entry, std::string_view wanted) { return order.less(entry.key, wanted); });
}

Result<std::optional<Entry>> TableView::find(std::string_view key, const KeyOrder& order) const {
  const auto found = at_or_after(key, order);
  if (found == entries_.end() || order.compare(found->key, key) != 0) {
    return std::optional<Entry>();
  }
  return std::optional(*found);
}

Status TableView::scan(ScanFrom from, const KeyOrder& order, const EntryVisitor& visit) const {
  auto at = from.key.empty() ? entries_.begin() : at_or_after(from.key, order);
  if (!from.inclusive && !from.key.empty() && at != entries_.end() && order.compare(at->key, from.key) == 0) {
    ++at;
  }
  for (; at != entries_.end(); ++at) {
    CYR_TRY(const Visit go, visit(*at));
    if (go == Visit::stop) {
      break;
    }
  }
  return success();
}

Result<OrderSet> TableView::orders() const {
  OrderSet orders;
  for (std::size_t i = 1; i < entries_.size(); ++i) {
    orders.narrow(entries_[i - 1].key, entries_[i].key);
  }
  return orders;
}

Status TableView::check() const {
  if (sound_) {
    return success();
  }
  return corrupt("a writer died here: the last transaction is not complete")
      .with_hint("what was committed is intact; the next write or repack clears this");
}

}  // namespace cyr::db

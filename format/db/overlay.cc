#include "format/db/overlay.h"

namespace cyr::db {

Changes no_changes(const KeyOrder& order) {
  return Changes([order](std::string_view a, std::string_view b) { return order.less(a, b); });
}

Result<std::optional<Entry>> MergedView::find(std::string_view key, const KeyOrder& order) const {
  const auto change = changes_.find(std::string(key));
  if (change == changes_.end()) {
    return base_.find(key, order);
  }
  return change->second ? std::optional(Entry{change->first, *change->second}) : std::nullopt;
}

Status MergedView::scan(ScanFrom from, const KeyOrder& order, const EntryVisitor& visit) const {
  const std::string start(from.key);
  auto change = from.inclusive ? changes_.lower_bound(start) : changes_.upper_bound(start);
  if (from.key.empty()) {
    change = changes_.begin();
  }
  bool stopped = false;
  const auto visit_changed = [&]() -> Result<Visit> {
    const auto at = change++;
    if (!at->second) {
      return Visit::go_on;
    }
    CYR_TRY(const Visit go, visit({at->first, *at->second}));
    stopped = go == Visit::stop;
    return go;
  };
  CYR_CHECK(base_.scan(from, order, [&](const Entry& entry) -> Result<Visit> {
    while (change != changes_.end() && order.less(change->first, entry.key)) {
      CYR_TRY(const Visit go, visit_changed());
      if (go == Visit::stop) {
        return go;
      }
    }
    if (change != changes_.end() && order.compare(change->first, entry.key) == 0) {
      return visit_changed();
    }
    CYR_TRY(const Visit go, visit(entry));
    stopped = go == Visit::stop;
    return go;
  }));
  while (!stopped && change != changes_.end()) {
    CYR_TRY(const Visit go, visit_changed());
    (void)go;
  }
  return success();
}

Result<OrderSet> MergedView::orders() const { return base_.orders(); }

Status OverlayEditor::put(std::string_view key, std::string_view value) {
  CYR_TRY(const auto view_now, view());
  CYR_TRY(const auto old, view_now->find(key, order_));
  if (!old || old->value != value || old->key != key) {
    changes_.insert_or_assign(std::string(key), std::string(value));
  }
  return success();
}

Status OverlayEditor::erase(std::string_view key) {
  CYR_TRY(const auto view_now, view());
  CYR_TRY(const auto old, view_now->find(key, order_));
  if (old) {
    changes_.insert_or_assign(std::string(key), std::nullopt);
  }
  return success();
}

Status OverlayEditor::commit() {
  return make_error(Errc::unsupported, "this format is not changed in place");
}

Status OverlayEditor::abort() {
  changes_.clear();
  return success();
}

Result<std::unique_ptr<View>> OverlayEditor::view() const {
  return std::unique_ptr<View>(std::make_unique<MergedView>(*base_, changes_));
}

}  // namespace cyr::db

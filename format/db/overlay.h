// A transaction on a format that is not changed in place: changes are kept in memory, and seen merged with
// what is there.
#pragma once

#include <map>
#include <string>

#include "format/db/view.h"

namespace cyr::db {

// Key to new value; nothing: erased.
using Changes = std::map<std::string, std::optional<std::string>,
                         std::function<bool(std::string_view, std::string_view)>>;

[[nodiscard]] Changes no_changes(const KeyOrder& order);

// `base` with `changes` applied. Both must outlive it.
class MergedView final : public View {
 public:
  MergedView(const View& base, const Changes& changes) : base_(base), changes_(changes) {}

  [[nodiscard]] Result<std::optional<Entry>> find(std::string_view key, const KeyOrder& order) const override;
  Status scan(ScanFrom from, const KeyOrder& order, const EntryVisitor& visit) const override;
  [[nodiscard]] Result<OrderSet> orders() const override;
  [[nodiscard]] Status check() const override { return base_.check(); }

 private:
  const View& base_;
  const Changes& changes_;
};

class OverlayEditor final : public Editor {
 public:
  OverlayEditor(std::unique_ptr<View> base, const KeyOrder& order)
      : base_(std::move(base)), order_(order), changes_(no_changes(order)) {}

  Status put(std::string_view key, std::string_view value) override;
  Status erase(std::string_view key) override;
  Status commit() override;
  Status abort() override;
  [[nodiscard]] bool changed() const override { return !changes_.empty(); }
  [[nodiscard]] bool rewrites() const override { return true; }
  [[nodiscard]] Result<std::unique_ptr<View>> view() const override;

 private:
  std::unique_ptr<View> base_;
  KeyOrder order_;
  Changes changes_;
};

}  // namespace cyr::db

// A View over a sorted list of records: what the replay of a log gives, or nothing at all for an empty file.
#pragma once

#include <vector>

#include "format/db/view.h"

namespace cyr::db {

class TableView final : public View {
 public:
  explicit TableView(std::vector<Entry> entries, bool sound = false)
      : entries_(std::move(entries)), sound_(sound) {}

  [[nodiscard]] Result<std::optional<Entry>> find(std::string_view key, const KeyOrder& order) const override;
  Status scan(ScanFrom from, const KeyOrder& order, const EntryVisitor& visit) const override;
  [[nodiscard]] Result<OrderSet> orders() const override;
  [[nodiscard]] bool stable() const override { return true; }
  // A log that had to be replayed is not in order; an empty file is.
  [[nodiscard]] Status check() const override;

 private:
  [[nodiscard]] std::vector<Entry>::const_iterator at_or_after(std::string_view key,
                                                               const KeyOrder& order) const;
  std::vector<Entry> entries_;
  bool sound_;
};

}  // namespace cyr::db

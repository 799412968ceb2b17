// A Database of a backend that is read and converted from, not written: zeroskip, lmdb. Everything is read
// when it is opened.
#pragma once

#include <vector>

#include "format/db/view.h"

namespace cyr::db {

class ReadOnlyDatabase final : public Database {
 public:
  // `entries` are in raw order, or in that of the file; their bytes are in `content`.
  ReadOnlyDatabase(Kind kind, fs::path path, std::vector<FileBytes> content, std::vector<Entry> entries);

  [[nodiscard]] Kind kind() const override { return kind_; }
  Result<std::optional<std::string>> get(std::string_view key) override;
  Result<std::optional<std::pair<std::string, std::string>>> next(std::string_view key) override;
  Status for_each(std::string_view prefix, const Visitor& visit) override;
  Result<std::unique_ptr<Transaction>> begin() override;  // Errc::unsupported
  // What was read held all that is checked: nothing more is known.
  Status consistent() override { return success(); }
  Status repack() override { return begin().error(); }
  Result<Order> order() override;

 private:
  Kind kind_;
  fs::path path_;
  std::vector<FileBytes> content_;
  std::unique_ptr<View> view_;
  std::optional<Order> order_;
};

}  // namespace cyr::db

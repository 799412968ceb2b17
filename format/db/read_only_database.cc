#include "format/db/read_only_database.h"

#include "format/db/registry.h"
#include "format/db/table_view.h"

namespace cyr::db {

ReadOnlyDatabase::ReadOnlyDatabase(Kind kind, fs::path path, std::vector<FileBytes> content,
                                   std::vector<Entry> entries)
    : kind_(kind), path_(std::move(path)), content_(std::move(content)) {
  OrderSet orders;
  for (std::size_t i = 1; i < entries.size(); ++i) {
    orders.narrow(entries[i - 1].key, entries[i].key);
  }
  order_ = orders.empty() ? std::nullopt : std::optional(orders.pick(Order::raw));
  view_ = std::make_unique<TableView>(std::move(entries), true);
}

Result<Order> ReadOnlyDatabase::order() {
  return order_ ? Result<Order>(*order_) : Result<Order>(corrupt("keys are in no known order").at(path_));
}

Result<std::optional<std::string>> ReadOnlyDatabase::get(std::string_view key) {
  CYR_TRY(const Order order_now, order());
  CYR_TRY(const auto found, view_->find(key, KeyOrder(order_now)));
  return found ? std::optional(std::string(found->value)) : std::nullopt;
}

Result<std::optional<std::pair<std::string, std::string>>> ReadOnlyDatabase::next(std::string_view key) {
  CYR_TRY(const Order order_now, order());
  std::optional<std::pair<std::string, std::string>> out;
  CYR_CHECK(view_->scan({key, false}, KeyOrder(order_now), [&](const Entry& entry) -> Result<Visit> {
    out.emplace(entry.key, entry.value);
    return Visit::stop;
  }));
  return out;
}

Status ReadOnlyDatabase::for_each(std::string_view prefix, const Visitor& visit) {
  CYR_TRY(const Order order_now, order());
  return scan_prefix(*view_, prefix, KeyOrder(order_now),
                     [&](const Entry& entry) -> Result<Visit> { return visit(entry.key, entry.value); });
}

Result<std::unique_ptr<Transaction>> ReadOnlyDatabase::begin() {
  return check_writable(kind_, path_).error();
}

}  // namespace cyr::db

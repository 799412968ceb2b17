// The orders of keys (format/doc/twoskip.md): each maps bytes to numbers and then compares those, shorter
// first. The order is not recorded in a file; OrderSet finds out which ones its keys satisfy.
#pragma once

#include <cstdint>
#include <string_view>

#include "format/db/database.h"

namespace cyr::db {

class KeyOrder {
 public:
  explicit KeyOrder(Order order);

  [[nodiscard]] Order order() const { return order_; }
  // < 0, 0, > 0. In mbox order two keys that differ only in TAB against LF are equal.
  [[nodiscard]] int compare(std::string_view a, std::string_view b) const;
  [[nodiscard]] bool less(std::string_view a, std::string_view b) const { return compare(a, b) < 0; }
  // Whether `key` lies in the contiguous run of keys that begin with `prefix`.
  [[nodiscard]] bool in_run(std::string_view key, std::string_view prefix) const;

 private:
  Order order_;
  const std::uint16_t* map_;  // 256 entries; static
};

// Which of the orders a sequence of keys satisfies, strictly ascending.
class OrderSet {
 public:
  // Drops the orders that `next` after `previous` contradicts.
  void narrow(std::string_view previous, std::string_view next);
  [[nodiscard]] bool has(Order order) const { return (bits_ & bit(order)) != 0; }
  [[nodiscard]] bool empty() const { return bits_ == 0; }
  // `preferred` if the keys allow it, else another one that they do; `preferred` for keys in no order at all.
  [[nodiscard]] Order pick(Order preferred) const;

 private:
  static constexpr std::uint8_t bit(Order order) {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(order));
  }
  std::uint8_t bits_ = 15;
};

[[nodiscard]] std::string_view name_of(Order order);

}  // namespace cyr::db

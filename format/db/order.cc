#include "format/db/order.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace cyr::db {

namespace {

using ByteMap = std::array<std::uint16_t, 256>;

constexpr ByteMap make_raw() {
  ByteMap map{};
  for (unsigned i = 0; i < map.size(); ++i) {
    map[i] = static_cast<std::uint16_t>(i);
  }
  return map;
}

constexpr ByteMap make_signed() {
  ByteMap map{};
  for (unsigned i = 0; i < map.size(); ++i) {
    map[i] = static_cast<std::uint8_t>(i + 128);  // wraps round
  }
  return map;
}

// A mailbox's children come directly after it: the ends of a key in a flat line (TAB, LF) lowest, then '.'.
constexpr ByteMap make_mbox() {
  ByteMap map = make_raw();
  for (unsigned i = 1; i <= 8; ++i) {
    map[i] = static_cast<std::uint16_t>(i + 2);
  }
  map['\t'] = 1;
  map['\n'] = 1;
  map['.'] = 2;
  return map;
}

// Escaped bytes are two in the line: 0xff and another one. No plain byte is 0xff there, so comparing pairs
// byte by byte is comparing lines.
constexpr ByteMap make_flat() {
  ByteMap map{};
  const ByteMap mbox = make_mbox();
  for (unsigned i = 0; i < map.size(); ++i) {
    map[i] = static_cast<std::uint16_t>(mbox[i] << 8U);
  }
  for (const unsigned escaped : {0x00U, 0x09U, 0x0aU, 0x0dU}) {
    map[escaped] = static_cast<std::uint16_t>(0xff80U | escaped);
  }
  map[0xff] = 0xffff;
  return map;
}

constexpr std::array<ByteMap, 4> maps = {make_raw(), make_signed(), make_mbox(),
                                         make_flat()};  // as enum Order
constexpr std::array all_orders = {Order::raw, Order::signed_char, Order::mbox, Order::flat};

constexpr const ByteMap& map_of(Order order) { return maps[static_cast<std::size_t>(order)]; }

constexpr std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

int compare_lengths(std::size_t a, std::size_t b) { return a == b ? 0 : (a < b ? -1 : 1); }

// Position of the first byte in which the two differ, or the shorter length.
std::size_t common_length(std::string_view a, std::string_view b) {
  const std::size_t both = std::min(a.size(), b.size());
  return static_cast<std::size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(both), b.begin()).first - a.begin());
}

}  // namespace

KeyOrder::KeyOrder(Order order) : order_(order), map_(map_of(order).data()) {}

int KeyOrder::compare(std::string_view a, std::string_view b) const {
  const std::size_t both = std::min(a.size(), b.size());
  if (order_ == Order::raw) {
    const int result = both == 0 ? 0 : std::memcmp(a.data(), b.data(), both);
    return result != 0 ? result : compare_lengths(a.size(), b.size());
  }
  for (std::size_t i = 0; i < both; ++i) {
    const int difference = int{map_[byte_at(a, i)]} - int{map_[byte_at(b, i)]};
    if (difference != 0) {
      return difference;
    }
  }
  return compare_lengths(a.size(), b.size());
}

bool KeyOrder::in_run(std::string_view key, std::string_view prefix) const {
  if (key.size() < prefix.size()) {
    return false;
  }
  // Bytes that map to the same value (TAB and LF) interleave, so the run is wider than the exact prefix.
  return compare(key.substr(0, prefix.size()), prefix) == 0;
}

void OrderSet::narrow(std::string_view previous, std::string_view next) {
  const std::size_t at = common_length(previous, next);
  if (at == previous.size() || at == next.size()) {
    if (previous.size() >= next.size()) {
      bits_ = 0;  // equal, or the longer one first: wrong in every order
    }
    return;
  }
  for (const Order order : all_orders) {
    if (!has(order)) {
      continue;
    }
    const ByteMap& map = map_of(order);
    int difference = int{map[byte_at(previous, at)]} - int{map[byte_at(next, at)]};
    if (difference == 0) {
      difference = KeyOrder(order).compare(previous.substr(at), next.substr(at));
    }
    if (difference >= 0) {
      bits_ = static_cast<std::uint8_t>(bits_ & ~bit(order));
    }
  }
}

Order OrderSet::pick(Order preferred) const {
  if (has(preferred)) {
    return preferred;
  }
  for (const Order order : all_orders) {
    if (has(order)) {
      return order;
    }
  }
  return preferred;
}

std::string_view name_of(Order order) {
  constexpr std::array<std::string_view, 4> names = {"raw", "signed", "mbox", "flat"};
  return names[static_cast<std::size_t>(order)];
}

}  // namespace cyr::db

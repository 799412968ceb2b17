// A damaged skiplist file read from end to end: every record that is plausible, and the bytes between them
// (format/doc/salvage.md). There are no checksums: lengths, padding, pointers, terminator and what follows
// must all fit.
#pragma once

#include <vector>

#include "format/db/salvage.h"
#include "format/db/skiplist_format.h"

namespace cyr::db::skiplist {

struct Scanned {
  RecordType type = RecordType::add;
  std::uint64_t offset = 0;
  std::uint64_t end = 0;
  std::uint64_t victim = 0;    // DELETE
  Node node;                   // INORDER, ADD, DUMMY
  std::uint8_t marks = 0;      // Mark::repaired_bit
  bool before_damage = false;  // what follows it cannot be read
};

class Scan {
 public:
  Scan(Bytes file, SalvageReport& report) : file_(file), report_(report) {}

  // Fills items() and the damaged regions of the report (offsets and what they are; not the keys).
  void run();
  // By offset; the first may be the DUMMY.
  [[nodiscard]] const std::vector<Scanned>& items() const { return items_; }
  [[nodiscard]] std::vector<Scanned>& items() { return items_; }
  // The item at an offset; items().size() when there is none.
  [[nodiscard]] std::size_t find(std::uint64_t offset) const;

 private:
  struct Shape {  // of a node: what it says, or what it would say without a flipped bit
    std::uint32_t type = 0;
    std::uint32_t key_size = 0;
    std::uint32_t value_size = 0;
  };
  [[nodiscard]] std::uint32_t word(std::uint64_t offset) const;
  [[nodiscard]] std::optional<Node> parse(std::uint64_t offset, const Shape& shape, int odd_bits) const;
  [[nodiscard]] bool take_padding(std::uint64_t from, std::uint64_t to, int& odd_bits) const;
  [[nodiscard]] bool find_terminator(Node& node, std::uint64_t at, int odd_bits) const;
  [[nodiscard]] std::optional<Shape> shape_at(std::uint64_t offset) const;
  [[nodiscard]] bool plausible_pointers(const Node& node, int odd) const;
  [[nodiscard]] bool may_begin(std::uint64_t offset) const;
  [[nodiscard]] static bool has_zeros(const Node& node);
  [[nodiscard]] bool swallows(const Node& node) const;
  [[nodiscard]] std::optional<Scanned> node_at(std::uint64_t offset, bool expected) const;
  [[nodiscard]] std::optional<Scanned> marker_at(std::uint64_t offset, bool expected) const;
  [[nodiscard]] std::optional<Scanned> repaired(std::uint64_t offset) const;
  [[nodiscard]] std::optional<Scanned> repaired_marker(std::uint64_t offset) const;
  [[nodiscard]] Scanned item_of(const Node& node) const;
  void damage(std::uint64_t from, std::uint64_t to);

  Bytes file_;
  SalvageReport& report_;
  std::vector<Scanned> items_;
};

}  // namespace cyr::db::skiplist

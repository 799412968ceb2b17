#include "format/db/skiplist_scan.h"

#include <algorithm>
#include <bit>

namespace cyr::db::skiplist {

namespace {

constexpr unsigned word_bits = 32;

constexpr std::uint32_t word_of(RecordType type) { return static_cast<std::uint32_t>(type); }

bool one_bit_from(std::uint32_t a, std::uint32_t b) { return std::has_single_bit(a ^ b); }

bool all_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

std::uint32_t Scan::word(std::uint64_t offset) const {
  return load_be<std::uint32_t>(file_.data() + static_cast<std::size_t>(offset));
}

std::size_t Scan::find(std::uint64_t offset) const {
  const auto found = std::partition_point(items_.begin(), items_.end(),
                                          [&](const Scanned& item) { return item.offset < offset; });
  return found != items_.end() && found->offset == offset ? static_cast<std::size_t>(found - items_.begin())
                                                          : items_.size();
}

void Scan::run() {
  std::uint64_t offset = dummy_offset;
  std::uint64_t bad_from = 0;  // 0: no damage is open
  bool expected = true;        // a record must begin here
  while (offset < file_.size()) {
    std::optional<Scanned> found;
    if (offset + step <= file_.size()) {
      found = node_at(offset, expected);
      found = found ? found : marker_at(offset, expected);
      found = found || !expected ? found : repaired(offset);
    }
    if (!found) {
      if (bad_from == 0) {
        bad_from = offset;
        if (!items_.empty()) {
          items_.back().before_damage = true;
        }
      }
      offset += step;
      expected = false;
      continue;
    }
    if (bad_from != 0) {
      damage(bad_from, offset);
      bad_from = 0;
    }
    offset = found->end;
    expected = true;
    items_.push_back(std::move(*found));
  }
  if (bad_from != 0) {
    damage(bad_from, file_.size());
  }
}

void Scan::damage(std::uint64_t from, std::uint64_t to) {
  DamagedRegion region;
  region.offset = from;
  region.length = to - from;
  region.what = all_zero(file_.subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from)))
                    ? "zeros"
                    : "no plausible record";
  report_.damaged.push_back(std::move(region));
}

// ---- nodes ----

std::optional<Scan::Shape> Scan::shape_at(std::uint64_t offset) const {
  if (file_.size() - offset < 4 * step) {
    return {};
  }
  Shape shape{word(offset), word(offset + step), 0};
  const std::uint64_t value_at = offset + 2 * step + round_up(shape.key_size, step);
  if (value_at + step <= file_.size()) {
    shape.value_size = word(value_at);
  }
  return shape;
}

// The bytes of [from, to) are zero; bits that are not are taken from `odd_bits`.
bool Scan::take_padding(std::uint64_t from, std::uint64_t to, int& odd_bits) const {
  for (; from < to; ++from) {
    odd_bits -= std::popcount(std::to_integer<std::uint8_t>(file_[static_cast<std::size_t>(from)]));
  }
  return odd_bits >= 0;
}

bool Scan::find_terminator(Node& node, std::uint64_t at, int odd_bits) const {
  for (node.level = 0; node.level <= max_level && at + step <= file_.size(); ++node.level, at += step) {
    const std::uint32_t found = word(at);
    if (found == terminator || (odd_bits > 0 && one_bit_from(found, terminator))) {
      node.bytes = file_.subspan(static_cast<std::size_t>(node.offset),
                                 static_cast<std::size_t>(at + step - node.offset));
      return node.level > 0;
    }
  }
  return false;
}

// The node with these lengths, if up to `odd_bits` bits of padding and terminator are wrong.
std::optional<Node> Scan::parse(std::uint64_t offset, const Shape& shape, int odd_bits) const {
  Node node;
  node.offset = offset;
  node.type = static_cast<RecordType>(shape.type);
  const std::uint64_t key_at = offset + 2 * step;
  const std::uint64_t key_end = key_at + shape.key_size;
  const std::uint64_t value_at = round_up(key_end, step) + step;
  const std::uint64_t value_end = value_at + shape.value_size;
  const std::uint64_t pointers_at = round_up(value_end, step);
  if (shape.key_size > file_.size() || shape.value_size > file_.size() ||
      pointers_at + 2 * step > file_.size() || !take_padding(key_end, value_at - step, odd_bits) ||
      !take_padding(value_end, pointers_at, odd_bits) || !find_terminator(node, pointers_at, odd_bits)) {
    return {};
  }
  const bool dummy = node.type == RecordType::dummy;
  if (dummy ? (shape.key_size != 0 || shape.value_size != 0 || offset != dummy_offset)
            : shape.key_size == 0) {
    return {};
  }
  const std::string_view text = as_text(file_);
  node.key = text.substr(static_cast<std::size_t>(key_at), shape.key_size);
  node.value = text.substr(static_cast<std::size_t>(value_at), shape.value_size);
  return node;
}

// Pointers lead to nodes, and where a level has ended those above it have, too. `odd` of them may have a
// flipped bit.
bool Scan::plausible_pointers(const Node& node, int odd) const {
  // The file may have been longer; but words of text, which begin at 512 MiB, are no pointers of smaller
  // files.
  const std::uint64_t limit =
      std::max<std::uint64_t>(std::uint64_t{512} << 20U, 8 * std::uint64_t{file_.size()});
  bool ended = false;
  for (unsigned level = 0; level < node.level; ++level) {
    const auto next = static_cast<std::uint32_t>(node.next(level));
    const bool past_end = ended && next != 0;
    const bool far = next >= limit;
    if (past_end || far || (next != 0 && (next % step != 0 || next <= dummy_offset))) {
      --odd;
      if ((past_end && !std::has_single_bit(next)) || (far && (next ^ std::bit_floor(next)) >= limit)) {
        return false;
      }
    }
    ended = ended || next == 0;
  }
  return odd >= 0;
}

// Whether a record, zeros or the end of the file can be here.
bool Scan::may_begin(std::uint64_t offset) const {
  if (offset + step > file_.size()) {
    return offset == file_.size();
  }
  switch (static_cast<RecordType>(word(offset))) {
    case RecordType::inorder:
    case RecordType::add:
    case RecordType::erased:
    case RecordType::commit:
      return true;
    case RecordType::dummy:
      break;
  }
  return word(offset) == 0;
}

// Whether zeros are in key or value where a guess has none: they would be damage, or padding.
bool Scan::has_zeros(const Node& node) {
  constexpr std::string_view zeros("\0\0\0\0", step);
  const auto odd = [&](std::string_view text) {
    return text.ends_with('\0') || text.find(zeros) != std::string_view::npos;
  };
  return odd(node.key) || odd(node.value);
}

// Whether the node's key or value holds another whole node: then its lengths are wrong, and it took its
// neighbour in.
bool Scan::swallows(const Node& node) const {
  for (std::uint64_t at = node.offset + 2 * step; at + 4 * step <= node.end(); at += step) {
    const std::uint32_t type = word(at);
    if (type != word_of(RecordType::inorder) && type != word_of(RecordType::add)) {
      continue;
    }
    const auto shape = shape_at(at);
    const auto inner = shape ? parse(at, *shape, 0) : std::nullopt;
    if (inner && inner->end() <= node.end() && plausible_pointers(*inner, 0) && may_begin(inner->end())) {
      return true;
    }
  }
  return false;
}

Scanned Scan::item_of(const Node& node) const {
  Scanned item;
  item.type = node.type;
  item.offset = node.offset;
  item.end = node.end();
  item.node = node;
  return item;
}

std::optional<Scanned> Scan::node_at(std::uint64_t offset, bool expected) const {
  const auto type = static_cast<RecordType>(word(offset));
  if (type != RecordType::inorder && type != RecordType::add && type != RecordType::dummy) {
    return {};
  }
  const auto shape = shape_at(offset);
  const auto node = shape ? parse(offset, *shape, 0) : std::nullopt;
  const bool fits =
      node && plausible_pointers(*node, expected ? 1 : 0) && (expected || may_begin(node->end()));
  if (!fits || swallows(*node)) {
    return {};
  }
  return item_of(*node);
}

// ---- DELETE and COMMIT ----

std::optional<Scanned> Scan::marker_at(std::uint64_t offset, bool expected) const {
  const auto type = static_cast<RecordType>(word(offset));
  Scanned item;
  item.type = type;
  item.offset = offset;
  if (type == RecordType::commit) {
    item.end = offset + step;
    return may_begin(item.end) || expected ? std::optional(item) : std::nullopt;
  }
  if (type != RecordType::erased || offset + 2 * step > file_.size()) {
    return {};
  }
  item.end = offset + 2 * step;
  item.victim = word(offset + step);
  const bool known = find(item.victim) != items_.size();
  // A victim that was lost in damage is one that we do not need to know.
  const bool possible = item.victim % step == 0 && item.victim > dummy_offset && item.victim < offset;
  return known || (expected && possible && may_begin(item.end)) ? std::optional(item) : std::nullopt;
}

// ---- one flipped bit ----

// The record that is here if one bit of type, lengths, padding or terminator is flipped; nothing if there is
// more than one answer.
std::optional<Scanned> Scan::repaired(std::uint64_t offset) const {
  const auto shape = shape_at(offset);
  std::vector<Node> found;
  const auto attempt = [&](const Shape& tried, int odd_bits) {
    const auto node = parse(offset, tried, odd_bits);
    if (node && plausible_pointers(*node, 0) && may_begin(node->end()) && !has_zeros(*node) &&
        !swallows(*node)) {
      found.push_back(*node);
    }
  };
  const auto as_it_stands = [&] {
    return !found.empty() && found.front().key.size() == shape->key_size &&
           found.front().value.size() == shape->value_size;
  };
  const auto is_node = [](std::uint32_t type) {
    return type == word_of(RecordType::inorder) || type == word_of(RecordType::add);
  };
  if (shape && is_node(shape->type)) {
    attempt(*shape,
            1);  // an odd bit in padding or terminator is likelier than a length that takes padding in
    for (unsigned bit = 0; !as_it_stands() && bit < word_bits; ++bit) {
      Shape tried = *shape;
      tried.key_size ^= std::uint32_t{1} << bit;
      const std::uint64_t value_at = offset + 2 * step + round_up(tried.key_size, step);
      if (value_at + step <= file_.size()) {
        tried.value_size = word(value_at);
        attempt(tried, 0);
      }
      tried = *shape;
      tried.value_size ^= std::uint32_t{1} << bit;
      attempt(tried, 0);
    }
  } else if (shape) {
    for (const RecordType type : {RecordType::inorder, RecordType::add}) {
      if (one_bit_from(shape->type, word_of(type))) {
        Shape tried = *shape;
        tried.type = word_of(type);
        attempt(tried, 0);
      }
    }
  }
  if (found.size() > 1 && shape && !is_node(shape->type)) {
    // The type word fits both: after the first ADD, DELETE or COMMIT there are only ADDs.
    const bool log = !items_.empty() && items_.back().type != RecordType::inorder &&
                     items_.back().type != RecordType::dummy;
    found = {found[log ? 1 : 0]};
  }
  if (found.size() != 1) {
    return found.empty() ? repaired_marker(offset) : std::nullopt;
  }
  Scanned item = item_of(found.front());
  item.marks = static_cast<std::uint8_t>(Mark::repaired_bit);
  return item;
}

std::optional<Scanned> Scan::repaired_marker(std::uint64_t offset) const {
  Scanned item;
  item.offset = offset;
  item.marks = static_cast<std::uint8_t>(Mark::repaired_bit);
  const std::uint32_t type = word(offset);
  if (one_bit_from(type, word_of(RecordType::erased)) && offset + 2 * step <= file_.size() &&
      find(word(offset + step)) != items_.size() && may_begin(offset + 2 * step)) {
    item.type = RecordType::erased;
    item.victim = word(offset + step);
    item.end = offset + 2 * step;
    return item;
  }
  // Only after a record that a COMMIT can follow, and before what can follow a COMMIT.
  const bool fits =
      !items_.empty() && (items_.back().type == RecordType::add || items_.back().type == RecordType::erased);
  if (fits && one_bit_from(type, word_of(RecordType::commit)) && may_begin(offset + step)) {
    item.type = RecordType::commit;
    item.end = offset + step;
    return item;
  }
  return {};
}

}  // namespace cyr::db::skiplist

#include "format/db/twoskip_scan.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/base/crc32.h"

namespace cyr::db::twoskip {

namespace {

constexpr std::uint64_t short_head = 8;  // bytes before the pointers, without the long lengths
// All repairs of tails together may be wrong with this chance: a CRC of 32 bits against all the bits that are
// tried.
constexpr double acceptable_chance = 1e-4;
constexpr double crc_values = 4294967296.0;
// Two lengths changed at random with the same sum, beside a tail that is whole: 1 in 200,000 heads with more
// than one wrong byte. So many in one file stay below acceptable_chance.
constexpr std::ptrdiff_t most_unsure = 20;

bool all_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

bool is_type(std::byte byte) {
  switch (static_cast<RecordType>(byte)) {
    case RecordType::dummy:
    case RecordType::record:
    case RecordType::erased:
    case RecordType::commit:
      return true;
  }
  return false;
}

// Is one wrong byte, in a pointer or in the CRC, all that is wrong with the head?
bool one_byte_wrong(Bytes head, std::size_t lengths_end) {
  const std::size_t covered = head.size() - Record::crc_bytes;
  const std::uint32_t stored = load_be<std::uint32_t>(head.data() + covered);
  return is_one_changed_byte(crc32(head.first(covered)) ^ stored, covered - lengths_end);
}

}  // namespace

bool Scan::spend(std::uint64_t bytes) {
  if (effort_ < bytes) {
    return false;
  }
  effort_ -= bytes;
  return true;
}

void Scan::run() {
  std::uint64_t offset = dummy_offset;
  std::uint64_t bad_from = 0;  // 0: no damage is open
  bool expected = true;        // a record or blank must begin here
  while (offset < file_.size()) {
    std::optional<Scanned> found;
    const bool blank = is_blank(file_, offset);
    if (auto record = blank ? Result<Record>(corrupt("")) : decode_record(file_, offset, file_.size())) {
      found.emplace();
      found->whole_tail = record->tail_is_sound();
      found->record = *record;
    } else if (!blank) {
      found = repaired(offset, expected);
    }
    if (!blank && !found) {
      bad_from = bad_from == 0 ? offset : bad_from;
      offset += step;
      expected = false;
      continue;
    }
    if (bad_from != 0) {
      damage(bad_from, offset);
      bad_from = 0;
    }
    offset = blank ? offset + step : found->record.end();
    expected = true;
    if (found) {
      accept(std::move(*found));
    }
  }
  if (bad_from != 0) {
    damage(bad_from, file_.size());
  }
  mend_tails();
  drop_unsure();
}

void Scan::accept(Scanned item) {
  const bool second_dummy = item.record.type == RecordType::dummy && item.record.offset != dummy_offset;
  if (!second_dummy) {
    items_.push_back(std::move(item));
  }
}

void Scan::damage(std::uint64_t from, std::uint64_t to) {
  const Bytes bytes = file_.subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from));
  DamagedRegion region;
  region.offset = from;
  region.length = to - from;
  region.what = all_zero(bytes) ? "zeros" : "no whole record";
  report_.damaged.push_back(std::move(region));
}

// ---- heads ----

std::optional<Scanned> Scan::repaired(std::uint64_t offset, bool expected) {
  if (file_.size() - offset < marker_size ||
      all_zero(file_.subspan(static_cast<std::size_t>(offset), step))) {
    return {};
  }
  if (auto found = flipped_head(offset, expected)) {
    return found;
  }
  if (auto found = with_cut_padding(offset)) {
    return found;
  }
  return proven_by_tail(offset);
}

// The file ends inside the zeros that fill up its last record: key and value are whole.
std::optional<Scanned> Scan::with_cut_padding(std::uint64_t offset) {
  const Bytes rest = file_.subspan(static_cast<std::size_t>(offset));
  const std::uint64_t padded = round_up(rest.size(), step);
  HeadShape shape;
  shape.level = std::to_integer<std::uint8_t>(rest[1]);
  shape.key_size = load_be<std::uint16_t>(rest.data() + 2);
  shape.value_size = load_be<std::uint32_t>(rest.data() + 4);
  const std::uint64_t size = shape.size() + shape.key_size + shape.value_size;
  if (padded == rest.size() || size > rest.size() || round_up(size, step) != padded || !spend(padded)) {
    return {};
  }
  std::string copy(as_text(rest));
  copy.resize(static_cast<std::size_t>(padded));
  const auto record = decode_record_bytes(as_bytes(report_.keep(std::move(copy))), offset);
  if (!record || !record->tail_is_sound()) {
    report_.store.pop_back();
    return {};
  }
  Scanned out;
  out.record = *record;
  return out;
}

// One flipped bit anywhere in the head. Where nothing says that a record begins here, type and level must
// look like one.
std::optional<Scanned> Scan::flipped_head(std::uint64_t offset, bool expected) {
  const std::byte type = file_[static_cast<std::size_t>(offset)];
  const auto level = std::to_integer<std::uint8_t>(file_[static_cast<std::size_t>(offset + 1)]);
  if (!expected && (!is_type(type) || level > max_level)) {
    return {};
  }
  if (level <= max_level) {
    if (auto found = with_level(offset, level, 0, expected)) {
      return found;
    }
  }
  for (unsigned bit = 0; expected && bit < 8; ++bit) {
    const auto mask = static_cast<std::uint8_t>(1U << bit);
    if (const unsigned other = level ^ mask; other <= max_level) {
      if (auto found = with_level(offset, other, mask, expected)) {
        return found;
      }
    }
  }
  return {};
}

// The head is as long as `level` says. `level_mask` 0: the flipped bit is elsewhere, the CRC says where.
std::optional<Scanned> Scan::with_level(std::uint64_t offset, unsigned level, std::uint8_t level_mask,
                                        bool expected) {
  const Bytes bytes = file_.subspan(static_cast<std::size_t>(offset));
  if (bytes.size() < short_head) {
    return {};
  }
  HeadShape shape;
  shape.level = level;
  shape.key_size = load_be<std::uint16_t>(bytes.data() + 2) == 0xffff ? 0xffff : 0;
  shape.value_size = load_be<std::uint32_t>(bytes.data() + 4) == 0xffffffff ? 0xffffffff : 0;
  const std::uint64_t size = shape.size();
  if (bytes.size() < size || !spend(2 * size)) {
    return {};
  }
  const std::uint64_t covered = size - Record::crc_bytes;
  Buffer head(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(covered));
  head[1] ^= std::byte{level_mask};
  const std::uint32_t difference = crc32(head) ^ load_be<std::uint32_t>(bytes.data() + covered);
  if (level_mask != 0) {
    return difference == 0 ? patched(offset, 1, level_mask, expected) : std::nullopt;
  }
  const auto flip = find_flipped_bit(difference, covered);
  if (!flip) {
    return {};
  }
  if (flip->position == covered) {  // in the CRC itself, which is big-endian in the file
    Buffer stored;
    append_be(stored, difference);
    const auto at = std::find_if(stored.begin(), stored.end(), [](std::byte b) { return b != std::byte{0}; });
    return patched(offset, covered + static_cast<std::uint64_t>(at - stored.begin()),
                   std::to_integer<std::uint8_t>(*at), expected);
  }
  return patched(offset, flip->position, flip->mask, expected);
}

// The record with that bit put right, if more than the CRC of its head speaks for it.
std::optional<Scanned> Scan::patched(std::uint64_t offset, std::uint64_t position, std::uint8_t mask,
                                     bool expected) {
  const Bytes rest = file_.subspan(static_cast<std::size_t>(offset));
  Buffer head(rest.begin(),
              rest.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(rest.size(), max_head_size)));
  head[static_cast<std::size_t>(position)] ^= std::byte{mask};
  // Only the head is needed to learn the size; the lengths are checked against the file below.
  Cursor cursor(head);
  cursor.skip(2);
  std::uint64_t key_size = cursor.u16();
  std::uint64_t value_size = cursor.u32();
  key_size = key_size == 0xffff ? cursor.u64() : key_size;
  value_size = value_size == 0xffffffff ? cursor.u64() : value_size;
  if (key_size > rest.size() || value_size > rest.size() || !spend(key_size + value_size + max_head_size)) {
    return {};
  }
  const std::size_t size = std::min<std::size_t>(
      rest.size(), static_cast<std::size_t>(round_up(key_size + value_size, step)) + max_head_size);
  std::string copy(as_text(rest.first(size)));
  copy[static_cast<std::size_t>(position)] =
      static_cast<char>(static_cast<unsigned char>(copy[static_cast<std::size_t>(position)]) ^ mask);
  const std::string_view kept = report_.keep(std::move(copy));
  const auto record = decode_record_bytes(as_bytes(kept), offset);
  const bool proven = record && record->tail_is_sound() &&
                      (record->type == RecordType::record || (expected && follows_well(record->end())));
  if (!proven || (record->type == RecordType::dummy) != (offset == dummy_offset)) {
    report_.store.pop_back();
    return {};
  }
  Scanned out;
  out.record = *record;
  out.marks = static_cast<std::uint8_t>(Mark::repaired_bit);
  return out;
}

bool Scan::follows_well(std::uint64_t end) const {
  return end == file_.size() || is_blank(file_, end) || decode_record(file_, end, file_.size()).has_value();
}

// A head that is damaged in its pointers or their CRC: lengths and level may be right all the same, which the
// CRC of key and value tells.
std::optional<Scanned> Scan::proven_by_tail(std::uint64_t offset) {
  Cursor cursor(file_.subspan(static_cast<std::size_t>(offset)), offset);
  const auto type = static_cast<RecordType>(cursor.u8());
  const unsigned level = cursor.u8();
  std::uint64_t key_size = cursor.u16();
  std::uint64_t value_size = cursor.u32();
  if (type != RecordType::record || level == 0 || level > max_level) {
    return {};
  }
  key_size = key_size == 0xffff ? cursor.u64() : key_size;
  value_size = value_size == 0xffffffff ? cursor.u64() : value_size;
  const std::uint64_t lengths_end = cursor.offset() - offset;
  cursor.skip(8 * std::uint64_t{level + 1} + 4);
  const std::uint32_t crc = cursor.u32();
  const std::uint64_t head_size = cursor.offset() - offset;
  if (!cursor.ok() || key_size == 0 || key_size > cursor.remaining() ||
      value_size > cursor.remaining() - key_size || !spend(key_size + value_size)) {
    return {};
  }
  Scanned out;
  out.record.offset = offset;
  out.record.type = type;
  out.record.level = level;
  out.record.head_size = head_size;
  out.record.key = cursor.text(key_size);
  out.record.value = cursor.text(value_size);
  cursor.pad_to(step);
  // The CRC covers key and value as one run: it proves their end only if that is not one of the zeros that
  // pad it.
  const std::string_view last = out.record.value.empty() ? out.record.key : out.record.value;
  if (!cursor.ok() || last.back() == '\0' || tail_crc(out.record.key, out.record.value) != crc) {
    return {};
  }
  out.record.bytes =
      file_.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(cursor.offset() - offset));
  if (!out.record.tail_is_sound()) {
    return {};
  }
  out.sound_slots = false;
  out.sure_lengths = one_byte_wrong(out.record.bytes.first(static_cast<std::size_t>(head_size)),
                                    static_cast<std::size_t>(lengths_end));
  out.marks = static_cast<std::uint8_t>(Mark::rebuilt_head);
  return out;
}

// Two wrong lengths with the right sum would give the key some bytes of the value. Beside a few damaged heads
// that is not to be expected; where wrong bytes are everywhere it is.
void Scan::drop_unsure() {
  const auto unsure = [](const Scanned& item) { return !item.sure_lengths; };
  if (std::count_if(items_.begin(), items_.end(), unsure) <= most_unsure) {
    return;
  }
  for (Scanned& item : items_) {
    item.whole_tail = item.whole_tail && item.sure_lengths;
  }
}

// ---- keys and values ----

// Not if so much is damaged that a wrong repair would have to be expected.
void Scan::mend_tails() {
  double tried = 0;
  for (const Scanned& item : items_) {
    tried +=
        item.whole_tail ? 0 : 8.0 * static_cast<double>(item.record.bytes.size() - item.record.head_size);
  }
  if (tried == 0 || tried / crc_values > acceptable_chance) {
    return;
  }
  for (Scanned& item : items_) {
    if (!item.whole_tail) {
      mend_tail(item);
    }
  }
}

void Scan::mend_tail(Scanned& item) {
  const Bytes bytes = item.record.bytes;
  const Bytes tail = bytes.subspan(static_cast<std::size_t>(item.record.head_size));
  const std::uint32_t stored = load_be<std::uint32_t>(tail.data() - 4);
  const auto flip = find_flipped_bit(crc32(tail) ^ stored, tail.size());
  if (!flip) {
    return;
  }
  item.whole_tail = true;
  item.marks |= static_cast<std::uint8_t>(Mark::repaired_bit);
  if (flip->position == tail.size()) {
    return;  // in the CRC: key and value are right as they are
  }
  std::string copy(as_text(bytes));
  char& byte = copy[static_cast<std::size_t>(item.record.head_size + flip->position)];
  byte = static_cast<char>(static_cast<unsigned char>(byte) ^ flip->mask);
  const std::string_view kept = report_.keep(std::move(copy));
  item.record.bytes = as_bytes(kept);
  const std::size_t key_size = item.record.key.size();
  item.record.value =
      kept.substr(static_cast<std::size_t>(item.record.head_size) + key_size, item.record.value.size());
  item.record.key = kept.substr(static_cast<std::size_t>(item.record.head_size), key_size);
}

// ---- the header ----

std::optional<Header> Scan::header() {
  if (const auto sound = decode_header(file_)) {
    return *sound;
  }
  if (file_.size() < header_size) {
    return {};
  }
  Buffer head(file_.begin(), file_.begin() + static_cast<std::ptrdiff_t>(header_size));
  const std::uint32_t stored = load_be<std::uint32_t>(head.data() + header_size - 4);
  const auto flip = find_flipped_bit(crc32(Bytes(head).first(header_size - 4)) ^ stored, header_size - 4);
  if (!flip) {
    return {};
  }
  if (flip->position < header_size - 4) {
    head[static_cast<std::size_t>(flip->position)] ^= std::byte{flip->mask};
  } else {
    store_be(head.data() + header_size - 4, crc32(Bytes(head).first(header_size - 4)));
  }
  const auto mended = decode_header(head);
  if (!mended) {
    return {};
  }
  report_.notes.push_back(fmt::format("one bit of the header was flipped, at offset {}", flip->position));
  return *mended;
}

}  // namespace cyr::db::twoskip

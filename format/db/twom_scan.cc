#include "format/db/twom_scan.h"

#include <algorithm>

namespace cyr::db::twom {

namespace {

// Bits are tried one by one, and 32 bits of checksum stand against each: no more than 2^-16 of a chance to be
// wrong.
constexpr std::uint64_t most_repaired = 4096;  // bytes of a head or a tail

bool all_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

std::optional<Header> Scan::header(Bytes file) {
  const auto header = decode_header(file);
  return header ? std::optional(*header) : std::nullopt;
}

Checksum Scan::find_kind(Bytes file) {
  for (std::uint64_t offset = dummy_offset; offset + marker_size <= file.size(); offset += step) {
    if (decode_record(file, offset, file.size(), Checksum::xxh3)) {
      return Checksum::xxh3;
    }
  }
  return Checksum::null;
}

void Scan::run(Checksum kind, std::uint64_t end) {
  kind_ = kind;
  end_ = std::min<std::uint64_t>(end, file_.size());
  std::uint64_t bad_from = 0;  // 0: no damage is open
  for (std::uint64_t offset = dummy_offset; offset < end_;) {
    auto found = record_at(offset);
    if (!found && bad_from == 0) {  // only where a record must begin
      found = with_flipped_bit(offset, false);
    }
    if (!found || (found->record.type == RecordType::dummy) != (offset == dummy_offset)) {
      bad_from = bad_from == 0 ? offset : bad_from;
      offset += step;
      continue;
    }
    if (bad_from != 0) {
      damage(bad_from, offset, "no whole record");
      bad_from = 0;
    }
    if (!found->whole_tail && !found->repaired) {
      if (auto mended = with_flipped_bit(offset, true)) {
        found = std::move(mended);
      } else {
        damage(offset, found->record.end(), "key or value does not match its checksum");
      }
    }
    offset = found->record.end();
    items_.push_back(std::move(*found));
  }
  if (bad_from != 0) {
    damage(bad_from, end_, "no whole record");
  }
}

void Scan::damage(std::uint64_t from, std::uint64_t to, std::string what) {
  const Bytes bytes = file_.subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from));
  DamagedRegion region;
  region.offset = from;
  region.length = to - from;
  region.what = all_zero(bytes) ? "zeros" : std::move(what);
  report_.damaged.push_back(std::move(region));
}

std::optional<Scanned> Scan::record_at(std::uint64_t offset) const {
  const auto record = decode_record(file_, offset, end_, kind_);
  if (!record || (kind_ != Checksum::xxh3 && !plausible(*record))) {
    return {};
  }
  Scanned out;
  out.record = *record;
  out.whole_tail = tail_is_sound(*record, kind_);
  return out;
}

// Without checksums: NULs and padding where they must be, pointers that can be some.
bool Scan::plausible(const Record& record) const {
  const auto can_be = [](std::uint64_t pointer) {
    return pointer % step == 0 && (pointer == 0 || pointer >= first_record);
  };
  bool good = can_be(record.ancestor) && record.ancestor < std::max<std::uint64_t>(record.offset, 1);
  for (unsigned i = 0; good && i <= record.level; ++i) {
    good = can_be(record.slot(i)) && record.slot(i) < file_.size();
  }
  if (!good || !has_content(record.type)) {
    return good && (record.type != RecordType::erased || record.ancestor != 0);
  }
  const Bytes tail = record.bytes.subspan(static_cast<std::size_t>(record.head_size));
  return !record.key.empty() && tail[record.key.size()] == std::byte{0} &&
         all_zero(tail.subspan(record.key.size() + 1 + record.value.size()));
}

// The record with one bit of its head, or of its tail, the other way round. XXH3 says nothing of which, so
// all are tried.
std::optional<Scanned> Scan::with_flipped_bit(std::uint64_t offset, bool in_tail) {
  if (kind_ != Checksum::xxh3) {
    return {};
  }
  std::uint64_t from = 0;
  std::uint64_t to = HeadCodec::max_head_size;
  if (in_tail) {
    const auto record = decode_record(file_, offset, end_, kind_);
    if (!record || record->bytes.size() - record->head_size > most_repaired) {
      return {};
    }
    from = record->head_size - 4;  // the checksum may be what is wrong
    to = record->bytes.size();
  }
  // A copy, behind as much as stands before the first record of a file.
  const std::uint64_t size = std::min<std::uint64_t>(end_ - offset, in_tail ? to : most_repaired + to);
  std::string copy(static_cast<std::size_t>(dummy_offset), '\0');
  copy += as_text(file_.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size)));
  to = std::min(to, size);
  if (to <= from || all_zero(as_bytes(copy).subspan(static_cast<std::size_t>(dummy_offset),
                                                    static_cast<std::size_t>(to)))) {
    return {};
  }
  for (std::uint64_t bit = 8 * from; bit < 8 * to; ++bit) {
    if (effort_ < to) {
      return {};
    }
    effort_ -= to;
    char& byte = copy[static_cast<std::size_t>(dummy_offset + bit / 8)];
    const char flip = static_cast<char>(1U << (bit % 8));
    byte = static_cast<char>(byte ^ flip);
    const auto record = decode_record(as_bytes(copy), dummy_offset, copy.size(), kind_);
    if (record && tail_is_sound(*record, kind_) &&
        (has_content(record->type) ? !record->key.empty() : true)) {
      const std::string_view kept = report_.keep(copy);
      Scanned out;
      out.record = *decode_record(as_bytes(kept), dummy_offset, kept.size(), kind_);
      out.record.offset = offset;
      out.repaired = true;
      return out;
    }
    byte = static_cast<char>(byte ^ flip);
  }
  return {};
}

}  // namespace cyr::db::twom

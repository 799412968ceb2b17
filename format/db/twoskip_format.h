// twoskip, version 1: header and records as bytes (format/doc/twoskip.md). Pure codecs: no I/O, nothing about
// locks. Invariants: everything is a multiple of 8; the CRC of a head covers lengths and pointers, that of a
// tail key and value.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "format/base/bytes.h"
#include "format/db/double_links.h"

namespace cyr::db::twoskip {

inline constexpr std::string_view magic{"\xa1\x02\x8b\x0dtwoskip file\0\0\0\0", 20};
inline constexpr std::uint32_t version = 1;
inline constexpr std::uint64_t step = 8;        // bytes; everything is a multiple
inline constexpr std::size_t header_size = 64;  // bytes
inline constexpr std::uint64_t dummy_offset = header_size;
inline constexpr std::uint64_t dummy_size = 272;
inline constexpr std::uint64_t first_record = dummy_offset + dummy_size;  // = size of an empty database
inline constexpr unsigned max_level = 31;
inline constexpr std::uint32_t flag_dirty = 1;
inline constexpr std::size_t max_head_size = 8 + 8 + 8 + 8 * (max_level + 1) + 8;

struct Header {
  std::uint32_t version = twoskip::version;
  std::uint64_t generation = 1;  // +1 at each checkpoint
  std::uint64_t num_records = 0;
  std::uint64_t repack_size = first_record;   // end of the sorted part
  std::uint64_t current_size = first_record;  // committed end
  std::uint32_t flags = 0;
  std::uint32_t crc32 = 0;  // of the 60 bytes before it; encode_header() makes its own

  [[nodiscard]] bool is_dirty() const { return (flags & flag_dirty) != 0; }
  void set_dirty(bool on) { flags = on ? flags | flag_dirty : flags & ~flag_dirty; }
};

// Magic, version, CRC and the plausibility of the sizes are checked; the file may be shorter than
// current_size.
[[nodiscard]] Result<Header> decode_header(Bytes file);
[[nodiscard]] std::array<std::byte, header_size> encode_header(const Header& header);

enum class RecordType : std::uint8_t { dummy = '=', record = '+', erased = '-', commit = '$' };

// A record as it stands in the file; key, value and pointers are read from there.
struct Record {
  std::uint64_t offset = 0;
  RecordType type = RecordType::dummy;
  unsigned level = 0;           // DUMMY 31, RECORD 1..31, DELETE and COMMIT 0
  std::uint64_t head_size = 0;  // bytes up to and including the two CRCs
  Bytes bytes;                  // head, key, value, padding
  std::string_view key;
  std::string_view value;

  [[nodiscard]] std::uint64_t end() const { return offset + bytes.size(); }
  // Slots 0 and 1 are both level 0, slot i is level i - 1 (format/doc/twoskip.md "pointers").
  [[nodiscard]] std::uint64_t slot(unsigned index) const { return load_be<std::uint64_t>(slot_at(index)); }
  [[nodiscard]] const std::byte* slot_at(unsigned index) const {
    return bytes.data() + head_size - crc_bytes - 8 * std::size_t{level + 1 - index};
  }
  // Of the two level 0 pointers the one that holds for a reader whose file ends at `limit`.
  [[nodiscard]] std::uint64_t level0(std::uint64_t limit) const;
  [[nodiscard]] std::uint64_t next(unsigned level_index, std::uint64_t limit) const {
    return level_index == 0 ? level0(limit) : slot(level_index + 1);
  }
  [[nodiscard]] bool tail_is_sound() const;

  static constexpr std::size_t crc_bytes = 8;
};

// The record at `offset`, whole inside the first `limit` bytes of `file`; type, level, lengths and head CRC
// are checked.
[[nodiscard]] Result<Record> decode_record(Bytes file, std::uint64_t offset, std::uint64_t limit);
// The same for `bytes` that begin with the record, which stands or stood at `offset`.
[[nodiscard]] Result<Record> decode_record_bytes(Bytes bytes, std::uint64_t offset);
// tail_is_sound(), as an error.
[[nodiscard]] Status check_tail(const Record& record);

// 8 bytes that may stand before a record, so that its head stays inside one 512-byte block (3.2.0 and later).
[[nodiscard]] bool is_blank(Bytes file, std::uint64_t offset);
// How many of them a writer must put at `end` before a record with a head of `head_size` bytes; 3.6.1's exact
// rule.
[[nodiscard]] unsigned blanks_before(std::uint64_t end, std::uint64_t head_size);

struct HeadShape {
  RecordType type = RecordType::record;
  unsigned level = 0;
  std::uint64_t key_size = 0;
  std::uint64_t value_size = 0;
  std::uint32_t tail_crc = 0;

  [[nodiscard]] std::uint64_t size() const;  // of the head, bytes
};

[[nodiscard]] std::uint32_t tail_crc(std::string_view key, std::string_view value);
// Appends a head; slots[0 .. level] are its pointers.
void append_head(Buffer& out, const HeadShape& shape, const std::uint64_t* slots);
// Appends key, value and padding.
void append_tail(Buffer& out, std::string_view key, std::string_view value);
void append_blanks(Buffer& out, unsigned count);
// DELETE or COMMIT: 24 bytes with one pointer.
void append_marker(Buffer& out, RecordType type, std::uint64_t pointer);
inline constexpr std::uint64_t marker_size = 24;
// The DUMMY of an empty database.
[[nodiscard]] Buffer empty_file(const Header& header = {});

struct HeadCodec {
  static constexpr std::size_t max_head_size = twoskip::max_head_size;
  static constexpr unsigned when_equal = 1;

  static std::uint64_t load(const std::byte* from) { return load_be<std::uint64_t>(from); }
  static void store(std::byte* to, std::uint64_t value) { store_be(to, value); }
  static void seal(MutableBytes head);
};
using HeadEdit = LinkEdit<HeadCodec>;
[[nodiscard]] inline HeadEdit edit_head(const Record& record) {
  return {record.offset, record.level, record.bytes.first(static_cast<std::size_t>(record.head_size)), {}};
}

}  // namespace cyr::db::twoskip

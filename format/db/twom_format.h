// twom, version 1: header and records as bytes (format/doc/twom.md). Pure codecs: no I/O, nothing about
// locks. All integers are little-endian. Invariants: everything is a multiple of 8; the checksum of a head
// covers lengths, ancestor and pointers, that of a tail key, value, the NUL after each, and padding.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "format/base/bytes.h"
#include "format/db/double_links.h"

namespace cyr::db::twom {

inline constexpr std::string_view magic{"\xa1\x02\x8b\x0dtwomfile\0\0\0\0", 16};
inline constexpr std::uint32_t version = 1;
inline constexpr std::uint64_t step = 8;        // bytes; everything is a multiple
inline constexpr std::size_t header_size = 96;  // bytes
inline constexpr std::uint64_t dummy_offset = header_size;
inline constexpr std::uint64_t dummy_size = 272;
inline constexpr std::uint64_t first_record = dummy_offset + dummy_size;  // = size of an empty database
inline constexpr std::uint64_t marker_size = 24;                          // DELETE and COMMIT
inline constexpr unsigned max_level = 31;

enum Flag : std::uint32_t {
  dirty = 1U << 0U,
  checksum_null = 1U << 27U,
  checksum_xxh3 = 1U << 28U,
  checksum_external = 1U << 29U,  // by a function of the program that made the file: cannot be checked
  order_external = 1U << 30U,
};

enum class Checksum : std::uint8_t { xxh3, null, external };

// Low half of XXH3-64 with seed 0; 0 for nothing, and for null. Not for external.
[[nodiscard]] std::uint32_t checksum(Checksum kind, Bytes bytes);

using Uuid = std::array<std::byte, 16>;
[[nodiscard]] Uuid fresh_uuid();
[[nodiscard]] std::string uuid_text(const Uuid& uuid);

struct Header {
  Uuid uuid{};  // kept when the file is repacked
  std::uint32_t version = twom::version;
  std::uint32_t flags = checksum_xxh3;
  std::uint64_t generation = 1;  // +1 at each repack
  std::uint64_t num_records = 0;
  std::uint64_t num_commits = 0;
  std::uint64_t dirty_size = 0;              // bytes of records that were replaced or deleted, and of DELETEs
  std::uint64_t repack_size = first_record;  // end of the sorted part
  std::uint64_t current_size = first_record;  // committed end; the file is longer
  std::uint32_t maxlevel = 0;                 // highest level of a record
  std::uint32_t csum = 0;                     // of the 92 bytes before it; encode_header() makes its own

  [[nodiscard]] bool is_dirty() const { return (flags & Flag::dirty) != 0; }
  void set_dirty(bool on) { flags = on ? flags | Flag::dirty : flags & ~std::uint32_t{Flag::dirty}; }
  [[nodiscard]] Checksum checksum() const;
};

// Magic, version, checksum, order and the plausibility of the sizes are checked; the file may be shorter than
// current_size.
[[nodiscard]] Result<Header> decode_header(Bytes file);
[[nodiscard]] std::array<std::byte, header_size> encode_header(const Header& header);

enum class RecordType : std::uint8_t {
  dummy = 1,
  add = 2,
  fat_add = 3,
  replace = 4,
  fat_replace = 5,
  erased = 6,
  commit = 7
};

[[nodiscard]] bool has_content(RecordType type);  // ADD and REPLACE, fat or not
// The name that dumps use.
[[nodiscard]] std::string_view name_of(RecordType type);

// A record as it stands in the file; key, value and pointers are read from there.
struct Record {
  std::uint64_t offset = 0;
  RecordType type = RecordType::dummy;
  unsigned level = 0;  // DUMMY 31, with content 1..31, DELETE and COMMIT 0
  // REPLACE: the record, or the DELETE, whose key it has. DELETE: the record that it stands before and
  // deletes. Else 0.
  std::uint64_t ancestor = 0;
  // The DELETE through which level 0 leads here: this is no live record, but the list goes on through it. 0:
  // live.
  std::uint64_t deleted_by = 0;
  std::uint64_t head_size = 0;  // bytes up to and including the two checksums
  Bytes bytes;                  // head, key, NUL, value, NUL, padding
  std::string_view key;
  std::string_view value;
  bool cut_key_size = false;  // of an early 3.13 build, which wrote the size of a long key modulo 65536

  [[nodiscard]] std::uint64_t end() const { return offset + bytes.size(); }
  // Slots 0 and 1 are both level 0, slot i is level i - 1 (double_links.h). A COMMIT's slot 0 is where its
  // transaction began.
  [[nodiscard]] std::uint64_t slot(unsigned index) const {
    return load_le<std::uint64_t>(bytes.data() + head_size - 8 - 8 * std::size_t{level + 1 - index});
  }
  [[nodiscard]] std::uint64_t next(unsigned level_index, std::uint64_t limit) const {
    return level_index == 0 ? newest_link(slot(0), slot(1), limit) : slot(level_index + 1);
  }
};

// Pointers are changed in place, and a head may lie across two sectors: of one that a power loss tore the
// pointers and the checksum are worth nothing, and the sound tail vouches for the rest.
enum class HeadCheck : std::uint8_t { whole, may_be_torn };

// The record at `offset`, whole inside the first `limit` bytes of `file`; type, level, lengths and head
// checksum are checked.
[[nodiscard]] Result<Record> decode_record(Bytes file, std::uint64_t offset, std::uint64_t limit,
                                           Checksum kind, HeadCheck check = HeadCheck::whole);
[[nodiscard]] bool tail_is_sound(const Record& record, Checksum kind);
// tail_is_sound(), as an error.
[[nodiscard]] Status check_tail(const Record& record, Checksum kind);

struct HeadShape {
  RecordType type = RecordType::add;
  unsigned level = 0;
  std::uint64_t key_size = 0;
  std::uint64_t value_size = 0;
  std::uint64_t ancestor = 0;
  std::uint32_t tail_csum = 0;
};

// ADD or REPLACE, fat when a size needs it.
[[nodiscard]] RecordType content_type(bool replaces, std::uint64_t key_size, std::uint64_t value_size);
// Appends a head; slots[0 .. level] are its pointers.
void append_head(Buffer& out, const HeadShape& shape, const std::uint64_t* slots, Checksum kind);
// Appends a whole record, and puts its tail's checksum into `shape`.
void append_record(Buffer& out, HeadShape& shape, const std::uint64_t* slots, std::string_view key,
                   std::string_view value, Checksum kind);
// DELETE of the record at `target`, or COMMIT of the transaction that began there.
[[nodiscard]] Buffer marker(RecordType type, std::uint64_t target, Checksum kind);
// Header and DUMMY of an empty database.
[[nodiscard]] Buffer empty_file(const Header& header);

// The size that a file gets when it must hold `needed` bytes: a quarter more, whole steps of 16 KiB.
[[nodiscard]] std::uint64_t grown_size(std::uint64_t needed);

struct HeadCodec {
  static constexpr std::size_t max_head_size = 32 + 8 * (max_level + 1) + 8;
  static constexpr unsigned when_equal = 0;
  Checksum kind = Checksum::xxh3;

  static std::uint64_t load(const std::byte* from) { return load_le<std::uint64_t>(from); }
  static void store(std::byte* to, std::uint64_t value) { store_le(to, value); }
  void seal(MutableBytes head) const;
};
using HeadEdit = LinkEdit<HeadCodec>;
[[nodiscard]] inline HeadEdit edit_head(const Record& record, Checksum kind) {
  return {record.offset, record.level, record.bytes.first(static_cast<std::size_t>(record.head_size)),
          HeadCodec{kind}};
}

}  // namespace cyr::db::twom

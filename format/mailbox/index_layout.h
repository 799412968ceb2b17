// The layout of cyrus.index as tables: one row per field and place, one row per minor version. A new version
// is rows here and nothing else. Checked at compile time: fields of a version lie inside its sizes and do not
// overlap. Sources: mailbox.md 3.1-3.3, 4.1.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "format/base/field.h"
#include "format/mailbox/index.h"

namespace cyr::mailbox {

inline constexpr unsigned kOldestIndexVersion = 2;
inline constexpr unsigned kNewestIndexVersion = 20;
inline constexpr std::size_t kMaxIndexHeaderSize = 192;
inline constexpr std::size_t kMaxIndexRecordSize = 144;

struct IndexVersion {
  std::uint8_t minor;
  std::uint16_t header_size;    // bytes
  std::uint16_t record_size;    // bytes
  std::uint16_t header_crc_at;  // 0: the version has none; the CRC covers every byte before it
  std::uint16_t record_crc_at;
  std::uint8_t cache_version;  // of the newest release that writes this index version
  std::string_view releases;   // that make new mailboxes in it
};

// nullptr for a version that does not exist (1, 11, above 20).
[[nodiscard]] const IndexVersion* index_version(unsigned minor);
[[nodiscard]] std::span<const IndexVersion> index_versions();  // oldest first

[[nodiscard]] std::span<const Field<IndexHeader>> index_header_fields();
[[nodiscard]] std::span<const Field<IndexRecord>> index_record_fields();

// Fields of a record that are not integers.
struct ByteField {
  std::string_view name;
  std::uint16_t offset;
  std::uint8_t since;
  std::uint8_t until;
  std::uint8_t width;

  [[nodiscard]] constexpr bool in(unsigned version) const { return version >= since && version <= until; }
};
[[nodiscard]] std::span<const ByteField> index_record_byte_fields();

// Whether the version stores a member: stored_in(12, &IndexHeader::exists).
[[nodiscard]] bool stored_in(unsigned version,
                             std::variant<std::uint32_t IndexHeader::*, std::uint64_t IndexHeader::*>);
[[nodiscard]] bool stored_in(unsigned version,
                             std::variant<std::uint32_t IndexRecord::*, std::uint64_t IndexRecord::*>);

// The same questions by name. All are read from the tables.
[[nodiscard]] bool has_modseq(unsigned version);  // v8+
[[nodiscard]] bool has_guid(unsigned version);    // v10+
[[nodiscard]] bool has_uuid(unsigned version);    // v7-v9
[[nodiscard]] bool has_record_crc(
    unsigned version);  // v12+; so too cache_crc, header_crc, expunged records, \Seen
[[nodiscard]] bool has_sync_crc_annot(unsigned version);  // v13+
[[nodiscard]] bool has_cid(unsigned version);             // v13+
[[nodiscard]] bool has_savedate(unsigned version);        // v15+
[[nodiscard]] bool has_createdmodseq(unsigned version);   // v16+
[[nodiscard]] bool has_nanoseconds(unsigned version);     // v20

// Bits and names of options and system flags. `label` is what mbexamine prints.
struct NamedBit {
  std::uint32_t mask;
  std::string_view name;
  std::string_view label;
};
[[nodiscard]] std::span<const NamedBit> system_flag_table();
[[nodiscard]] std::span<const NamedBit> option_table();

}  // namespace cyr::mailbox

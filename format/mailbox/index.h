// cyrus.index: header and records of one mailbox, every minor version from 2 to 20. The layout is in
// index_layout.h as tables; here are the decoded structures and their codecs. cyrus.expunge (2.3) has the
// same layout: its records are not sorted by UID and its header counts the expunged set (mailbox.md 7).
// Format: format/doc/index.md. Pure codecs.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "format/base/bytes.h"
#include "format/base/digest.h"

namespace cyr::mailbox {

inline constexpr std::uint32_t max_nanosecond = 999'999'999;  // of internaldate_nsec

// Bits of IndexHeader::options (mailbox.md 3.4).
namespace option {
inline constexpr std::uint32_t pop3_new_uidl = 1U << 0;
inline constexpr std::uint32_t imap_condstore = 1U << 1;  // 2.3 only
inline constexpr std::uint32_t imap_sharedseen = 1U << 2;
inline constexpr std::uint32_t imap_duplicatedeliver = 1U << 3;
inline constexpr std::uint32_t imap_has_alarms = 1U << 4;
inline constexpr std::uint32_t needs_unlink = 1U << 29;
inline constexpr std::uint32_t needs_repack = 1U << 30;
inline constexpr std::uint32_t deleted = 1U << 31;
}  // namespace option

// Bits of IndexRecord::system_flags (mailbox.md 4.3).
namespace flag {
inline constexpr std::uint32_t answered = 1U << 0;
inline constexpr std::uint32_t flagged = 1U << 1;
inline constexpr std::uint32_t deleted = 1U << 2;
inline constexpr std::uint32_t draft = 1U << 3;
inline constexpr std::uint32_t seen = 1U << 4;  // v12+: the owner's state
inline constexpr std::uint32_t snoozed = 1U << 26;
inline constexpr std::uint32_t split_conversation = 1U << 27;
inline constexpr std::uint32_t needs_cleanup = 1U << 28;
inline constexpr std::uint32_t archived = 1U << 29;
inline constexpr std::uint32_t unlinked = 1U << 30;
inline constexpr std::uint32_t expunged = 1U << 31;
}  // namespace flag

inline constexpr std::uint32_t kContentLinesUnknown = 0xFFFFFFFF;  // v5-v14: not computed
inline constexpr std::size_t kUserFlagWords = 4;                   // 128 user flags

// The header of the file. A field that the version lacks is 0; nothing is normalised (apply_read_defaults
// does that). Times are whole seconds since 1970 UTC, sizes are bytes, in every version.
struct IndexHeader {
  std::uint32_t generation_no = 0;
  std::uint32_t format = 0;
  std::uint32_t minor_version = 17;
  std::uint32_t start_offset = 160;  // size of the header in the file
  std::uint32_t record_size = 112;
  std::uint32_t num_records = 0;  // expunged ones included (v12+); called "exists" before v12
  std::uint64_t last_appenddate = 0;
  std::uint32_t last_uid = 0;
  std::uint64_t quota_mailbox_used = 0;
  std::uint64_t pop3_last_login = 0;
  std::uint32_t uidvalidity = 0;
  std::uint32_t deleted = 0;
  std::uint32_t answered = 0;
  std::uint32_t flagged = 0;
  std::uint32_t options = 0;  // pop3_new_uidl before v6
  std::uint32_t leaked_cache_records = 0;
  std::uint64_t highestmodseq = 0;
  std::uint64_t deletedmodseq = 0;
  std::uint32_t exists = 0;
  std::uint64_t first_expunged = 0;
  std::uint64_t last_repack_time = 0;
  std::uint32_t header_file_crc = 0;
  std::uint32_t sync_crc_basic = 0;
  std::uint32_t recentuid = 0;
  std::uint64_t recenttime = 0;
  std::uint64_t pop3_show_after = 0;
  std::uint64_t quota_annot_used = 0;
  std::uint32_t sync_crc_annot = 0;
  std::uint32_t header_crc = 0;  // as read; the encoder computes it
  std::uint32_t unseen = 0;
  std::uint64_t createdmodseq = 0;
  std::uint64_t changes_epoch = 0;
  std::uint64_t quota_deleted_used = 0;
  std::uint64_t quota_expunged_used = 0;

  // The header's bytes as read, so that spare bytes are written back; empty for a new header.
  Buffer raw;
};

// One message. Fields that the version lacks are 0 (content_lines too).
struct IndexRecord {
  std::uint32_t uid = 0;
  std::uint64_t internaldate = 0;       // seconds
  std::uint32_t internaldate_nsec = 0;  // v20 only
  std::uint64_t sentdate = 0;
  std::uint64_t size = 0;
  std::uint32_t header_size = 0;
  std::uint32_t content_offset = 0;  // before v12
  std::uint64_t gmtime = 0;          // v12+
  std::uint64_t cache_offset = 0;    // 48 bits: the upper 16 are kept beside cache_version (mailbox.md 4.1)
  std::uint64_t last_updated = 0;
  std::uint32_t system_flags = 0;
  std::array<std::uint32_t, kUserFlagWords> user_flags{};
  std::uint32_t content_lines = 0;   // v5-v14
  std::uint32_t cache_version = 0;   // v6+, 16 bits
  std::array<std::byte, 12> uuid{};  // v7-v9
  Guid guid;                         // v10+
  std::uint64_t modseq = 0;          // v8+
  std::uint64_t cid = 0;             // v13+
  std::uint64_t savedate = 0;        // v15+
  std::uint64_t createdmodseq = 0;   // v16+
  std::uint64_t basecid = 0;         // v20
  std::uint32_t cache_crc = 0;       // v12+
  std::uint32_t record_crc = 0;      // v12+, as read; the encoder computes it

  [[nodiscard]] bool has(std::uint32_t system_flag) const { return (system_flags & system_flag) != 0; }
  [[nodiscard]] bool user_flag(std::size_t bit) const {
    return bit < kUserFlagWords * 32 && ((user_flags[bit / 32] >> (bit % 32)) & 1U) != 0;
  }
  void set_user_flag(std::size_t bit, bool on) {
    if (bit < kUserFlagWords * 32) {
      const std::uint32_t mask = 1U << (bit % 32);
      user_flags[bit / 32] = on ? user_flags[bit / 32] | mask : user_flags[bit / 32] & ~mask;
    }
  }
  friend bool operator==(const IndexRecord&, const IndexRecord&) = default;
};

// The header at the start of `file` (more bytes may follow). corrupt, with the offset, for a file that is too
// short, sizes that do not belong to the version, or (v12+) a wrong CRC; unsupported for an unknown minor
// version. Before v6 start_offset decides which fields exist, as 2.x does (mailbox.md 3.1).
Result<IndexHeader> decode_index_header(Bytes file);
// The same without comparing header_crc.
Result<IndexHeader> decode_index_header_unchecked(Bytes file);
// start_offset bytes for header.minor_version, with the CRC; spare bytes from header.raw when it has the same
// size. invalid: a value too large for the version's field. The counts are written as they stand.
Result<Buffer> encode_index_header(const IndexHeader& header);
// Sets minor_version, start_offset and record_size for a version; false for a version that does not exist.
bool set_index_version(IndexHeader& header, unsigned minor_version);

// The layout of the records, usually minor_version; before v6 it follows record_size, and a v19 header with
// 144-byte records has those of v20 (3.13 development). 0: no layout fits.
[[nodiscard]] unsigned record_layout(const IndexHeader& header);
// `record` must have the layout's size. Only its size can be wrong; the CRC is record_crc_ok's matter.
Result<IndexRecord> decode_index_record(Bytes record, unsigned layout);
// Writes the layout's size, with the CRC, over `to`. invalid: a value too large for its field.
Status encode_index_record(const IndexRecord& record, unsigned layout, MutableBytes to);
// True if the record's own CRC is right, or the layout has none.
[[nodiscard]] bool record_crc_ok(Bytes record, unsigned layout);
[[nodiscard]] bool header_crc_ok(Bytes header, unsigned minor_version);

// What Cyrus 3.x holds in memory after reading: highestmodseq 0 -> 1; before v12 deletedmodseq =
// highestmodseq and exists = num_records; before v17 changes_epoch = last_repack_time (mailbox.md 3.4). Not
// for headers that are written back unchanged.
void apply_read_defaults(IndexHeader& header);

// "\Seen" ... for the set bits, in the order of mailbox.md 4.3.
[[nodiscard]] std::vector<std::string> system_flag_names(std::uint32_t system_flags);
// "POP3_NEW_UIDL" ... for the set bits that have a name, in bit order.
[[nodiscard]] std::vector<std::string> option_names(std::uint32_t options);

}  // namespace cyr::mailbox

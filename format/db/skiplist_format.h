// skiplist, version 1.2: header and records as bytes (format/doc/skiplist.md). Pure codecs. 32-bit offsets,
// no checksums, everything a multiple of 4; a node ends with 0xffffffff and its level is the number of
// pointers before that.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "format/base/bytes.h"

namespace cyr::db::skiplist {

inline constexpr std::string_view magic{"\xa1\x02\x8b\x0dskiplist file\0\0\0", 20};
inline constexpr std::uint64_t step = 4;  // bytes; everything is a multiple
inline constexpr std::uint32_t version = 1;
inline constexpr std::uint32_t version_minor = 2;
inline constexpr unsigned max_level = 20;
inline constexpr std::size_t header_size = 48;  // bytes
inline constexpr std::uint64_t dummy_offset = header_size;
inline constexpr std::uint64_t dummy_size = 4 * (3 + max_level + 1);
inline constexpr std::uint64_t first_record = dummy_offset + dummy_size;  // 144 = size of an empty database
inline constexpr std::uint64_t max_file_size = 0xffffffff;
inline constexpr std::uint32_t terminator = 0xffffffff;

struct Header {
  std::uint32_t version = skiplist::version;
  std::uint32_t version_minor = skiplist::version_minor;
  std::uint32_t maxlevel = max_level;
  std::uint32_t curlevel = 1;  // highest level in use; grows only
  std::uint32_t listsize = 0;  // records at the last checkpoint or recovery
  std::uint32_t logstart = static_cast<std::uint32_t>(first_record);
  std::uint32_t last_recovery = 0;  // seconds since 1970
};

[[nodiscard]] Result<Header> decode_header(Bytes file);
[[nodiscard]] std::array<std::byte, header_size> encode_header(const Header& header);

enum class RecordType : std::uint32_t { inorder = 1, add = 2, erased = 4, commit = 255, dummy = 257 };

struct Node {  // DUMMY, INORDER or ADD, as it stands in the file
  std::uint64_t offset = 0;
  RecordType type = RecordType::dummy;
  unsigned level = 0;  // 1..20
  Bytes bytes;         // with the terminator
  std::string_view key;
  std::string_view value;

  [[nodiscard]] std::uint64_t end() const { return offset + bytes.size(); }
  // Where the pointer of a level stands in the file.
  [[nodiscard]] std::uint64_t slot_offset(unsigned level_index) const {
    return end() - 4 * std::uint64_t{1 + level - level_index};
  }
  [[nodiscard]] std::uint64_t next(unsigned level_index) const {
    return load_be<std::uint32_t>(bytes.data() + (slot_offset(level_index) - offset));
  }
};

// The node at `offset`. Lengths, zero padding, number of pointers and terminator are checked against the
// file.
[[nodiscard]] Result<Node> decode_node(Bytes file, std::uint64_t offset);

// A DELETE or COMMIT, or a node: what the log is made of.
struct LogRecord {
  RecordType type = RecordType::commit;
  std::uint64_t end = 0;
  std::uint64_t victim = 0;  // DELETE: offset of the deleted node
  Node node;                 // ADD, INORDER
};
[[nodiscard]] Result<LogRecord> decode_log_record(Bytes file, std::uint64_t offset);

[[nodiscard]] std::uint64_t node_size(std::string_view key, std::string_view value, unsigned level);
// `next[0 .. level-1]` are the pointers.
void append_node(Buffer& out, RecordType type, std::string_view key, std::string_view value, unsigned level,
                 const std::uint64_t* next);
void append_delete(Buffer& out, std::uint64_t victim);
void append_commit(Buffer& out);
[[nodiscard]] Buffer empty_file(const Header& header);

// The test that Cyrus makes before it appends: the file ends with a whole transaction.
[[nodiscard]] bool ends_with_commit(Bytes file, const Header& header);

}  // namespace cyr::db::skiplist

// Keys and values of the annotation databases: annotations.db of the store and cyrus.annotations of a mailbox
// (mailbox.md 8.3). Pure codec. Nothing in a value says which host wrote it: 64-bit little-endian ones write
// the length as a 32-bit network-order number and four zero bytes, 32-bit ones 4 bytes, 64-bit big-endian
// ones 8.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "format/base/bytes.h"

namespace cyr::mailbox {

inline constexpr std::string_view kOwnerToken = "[.OwNeR.]";  // stands for the owner's userid, 3.6 and later
inline constexpr std::string_view kVendorPrefix = "/vendor/cmu/cyrus-imapd/";

struct AnnotationKey {
  // uid in decimal (cyrus.annotations), or the mailbox name (through 3.4) or id (3.6+), empty for the server.
  std::string where;
  std::string entry;   // "/comment"
  std::string userid;  // empty: shared

  friend bool operator==(const AnnotationKey&, const AnnotationKey&) = default;
};
// 3.12 and 3.6 agree on `where NUL entry NUL userid NUL`; corrupt for anything else.
Result<AnnotationKey> decode_annotation_key(Bytes key);
Result<Buffer> encode_annotation_key(const AnnotationKey& key);  // invalid: NUL in a part
// Where of a message annotation as its UID; nothing for another text.
[[nodiscard]] std::optional<std::uint32_t> annotation_uid(const AnnotationKey& key);

enum class AnnotationLayout : std::uint8_t {
  words64_little,  // u32 big-endian length, 4 zero bytes
  words64_big,     // u64
  words32,         // u32
};
struct AnnotationValue {
  std::string value;  // may hold NULs
  std::string content_type = "text/plain";
  std::uint64_t modseq = 0;  // 3.1+
  std::uint8_t flags = 0;    // 3.1+
  bool has_modseq = true;    // false: written by 2.5 or 3.0, without modseq and flags
  AnnotationLayout layout = AnnotationLayout::words64_little;
  std::uint64_t modified_since = 0;  // always 0 in the data; kept

  // A tombstone: the annotation was removed and its value counts as empty.
  [[nodiscard]] bool deleted() const { return (flags & 1U) != 0; }

  friend bool operator==(const AnnotationValue&, const AnnotationValue&) = default;
};
Result<AnnotationValue> decode_annotation_value(Bytes value);
Result<Buffer> encode_annotation_value(const AnnotationValue& value);

}  // namespace cyr::mailbox

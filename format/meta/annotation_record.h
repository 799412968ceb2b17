// One annotation as stored in annotations.db and cyrus.annotations: keys of NUL-ended parts, values with the odd
// length word of the machine that wrote them (store.md 6.7, mailbox.md 8.3; format/doc/annotations.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "format/base/error.h"

namespace cyr::meta {

// The user id under which 3.6+ files the mailbox owner's private annotations.
inline constexpr std::string_view annotation_owner = "[.OwNeR.]";

struct AnnotationKey {
  // annotations.db: internal name (2.2-3.4) or uniqueid (3.6+), empty for the server; cyrus.annotations: the UID in decimal.
  std::string mailbox;
  std::string entry;   // "/comment", "/vendor/cmu/cyrus-imapd/..."
  std::string userid;  // empty: shared

  friend bool operator==(const AnnotationKey&, const AnnotationKey&) = default;
};

// Width of `unsigned long` on the machine that wrote the value.
enum class AnnotationWord : std::uint8_t {
  little64,  // u32 big-endian, then 4 zero bytes
  word32,    // u32 big-endian
  big64,     // u64 big-endian
};

struct AnnotationValue {
  std::string value;                        // may hold any byte
  std::string content_type = "text/plain";  // always this
  std::uint32_t modified = 0;               // seconds since 1970; 2.2-2.4 only, else 0
  AnnotationWord word = AnnotationWord::little64;
  bool has_modseq = true;  // 3.2+: modseq and flags follow
  std::uint64_t modseq = 0;
  std::uint8_t flags = 0;  // bit 0: deleted

  [[nodiscard]] bool deleted() const { return (flags & 1U) != 0; }
  friend bool operator==(const AnnotationValue&, const AnnotationValue&) = default;
};

[[nodiscard]] Result<AnnotationKey> decode_annotation_key(std::string_view key);
[[nodiscard]] std::string encode_annotation_key(const AnnotationKey& key);
[[nodiscard]] Result<AnnotationValue> decode_annotation_value(std::string_view value);
[[nodiscard]] std::string encode_annotation_value(const AnnotationValue& value);

}  // namespace cyr::meta

// deliver.db: which message was delivered to whom and when, so that it is not delivered twice (store.md 6.6;
// format/doc/deliver.db.md). Pure codec of what a tool needs: whose record it is and how old.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "format/base/error.h"

namespace cyr::meta {

struct DuplicateRecord {
  std::string id;         // Message-ID, or what sieve wants to remember
  std::string to;         // unique id of the mailbox (2.5+), its internal name (before), or sieve's mark
  std::string date;       // Date header; empty before 2.4.11
  std::int64_t mark = 0;  // seconds since 1970
  std::uint64_t uid = 0;  // 0 before 2.2 and for sieve

  friend bool operator==(const DuplicateRecord&, const DuplicateRecord&) = default;
};

// Errc::corrupt for a key without its two parts, or a value that is neither of 64-bit nor of 32-bit hosts.
[[nodiscard]] Result<DuplicateRecord> decode_duplicate(std::string_view key, std::string_view value);

// As 3.x writes them on a 64-bit host: key `id NUL to NUL date NUL`, value time and UID. Errc::invalid for a
// NUL in a part, or an empty id or recipient.
[[nodiscard]] Result<std::string> encode_duplicate_key(const DuplicateRecord& record);
[[nodiscard]] std::string encode_duplicate_value(const DuplicateRecord& record);

}  // namespace cyr::meta

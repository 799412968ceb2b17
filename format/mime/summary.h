// Everything that Cyrus stores about a message and that can be had from its bytes: the fields of the index
// record and the cache record (mailbox.md 4.2, 5). What reconstruct and append both need.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "format/base/digest.h"
#include "format/mime/message.h"

namespace cyr::mime {

struct MessageSummary {
  Guid guid;                      // SHA-1 of the bytes
  std::uint64_t size = 0;         // bytes
  std::uint32_t header_size = 0;  // bytes, up to and including the empty line
  std::uint32_t content_offset =
      0;  // where the content starts; differs from header_size in malformed mail only
  std::uint32_t content_lines = 0;
  std::uint32_t sentdate =
      0;  // seconds since 1970 modulo 2^32: local midnight (noon before 3.2) of the Date field's day
  std::uint32_t gmtime = 0;     // seconds since 1970 modulo 2^32: the Date field
  bool date_is_usable = false;  // false: sentdate was taken from internaldate
  bool time_is_usable = false;  // false: gmtime was taken from internaldate
  std::string cache_record;     // ten items with length words and padding
  std::uint32_t cache_crc = 0;  // CRC32 of cache_record
  std::uint32_t cache_version = 0;
};

// `internaldate` (seconds) stands in for a Date field that is missing or cannot be read. The local zone is
// the process's (TZ): a store written under another TZ has other sentdates, up to 14 hours away. Never fails.
[[nodiscard]] MessageSummary summarise(std::string_view message, std::uint64_t internaldate,
                                       const ParseOptions& options = {});

}  // namespace cyr::mime

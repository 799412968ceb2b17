// A user's seen state: key = uniqueid of the mailbox, value "1 lastread lastuid lastchange uids"
// (store.md 6.2; mailbox.md 8; format/doc/seen.md). Also the lines of `cyrus.seen` in a mailbox
// directory, 2.0 and older.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "format/base/error.h"

namespace cyr::meta {

struct SeenRecord {
  std::int64_t lastread = 0;    // seconds since 1970: when the mailbox was last selected
  std::uint32_t lastuid = 0;    // the highest UID the user was told about; above it messages are \Recent
  std::int64_t lastchange = 0;  // seconds since 1970
  std::string uids;             // IMAP sequence set as it stands on disk; may be empty

  friend bool operator==(const SeenRecord&, const SeenRecord&) = default;
};

// Errc::corrupt for another version or a field that is no number. An unreadable uid set is kept in `uids`:
// ask text::SequenceSet, as Cyrus does when it replaces such a set by the empty one.
[[nodiscard]] Result<SeenRecord> decode_seen(std::string_view value);
[[nodiscard]] std::string encode_seen(const SeenRecord& record);

// Unites two states of one mailbox, so that nothing read in either is unread: later times, higher lastuid,
// both uid sets.
[[nodiscard]] Result<SeenRecord> merge_seen(const SeenRecord& a, const SeenRecord& b);

// A line of cyrus.seen; trailing padding is dropped, a missing lastchange is 0.
struct SeenLine {
  std::string userid;
  SeenRecord record;
};
[[nodiscard]] Result<SeenLine> decode_seen_line(std::string_view line);

}  // namespace cyr::meta

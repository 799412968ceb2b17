// A user's seen state: key = uniqueid of the mailbox, value "1 lastread lastuid lastchange uids" (store.md 6.2;
// mailbox.md 8; format/doc/seen.md). Also the lines of `cyrus.seen` in a mailbox directory, 2.0 and older.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/db/database.h"

namespace cyr::meta {

struct SeenRecord {
  std::int64_t lastread = 0;    // seconds since 1970: when the mailbox was last selected
  std::uint32_t lastuid = 0;    // the highest UID the user was told about; above it messages are \Recent
  std::int64_t lastchange = 0;  // seconds since 1970
  std::string uids;             // IMAP sequence set as it stands on disk; may be empty

  friend bool operator==(const SeenRecord&, const SeenRecord&) = default;
};

// Inclusive, ascending, disjoint.
struct UidRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  friend bool operator==(const UidRange&, const UidRange&) = default;
};
using UidSet = std::vector<UidRange>;

// Errc::corrupt for another version or a field that is no number. An unreadable uid set is kept in `uids`: ask
// parse_uid_set(), as Cyrus does when it replaces such a set by the empty one.
[[nodiscard]] Result<SeenRecord> decode_seen(std::string_view value);
[[nodiscard]] std::string encode_seen(const SeenRecord& record);

// Reversed ranges and `*` (= last_uid) are accepted; the result is sorted and merged.
[[nodiscard]] Result<UidSet> parse_uid_set(std::string_view text, std::uint32_t last_uid = UINT32_MAX);
// Neighbours merged, as 2.4+ writes them.
[[nodiscard]] std::string format_uid_set(const UidSet& set);
[[nodiscard]] bool contains(const UidSet& set, std::uint32_t uid);
[[nodiscard]] UidSet unite(UidSet a, const UidSet& b);

// A line of cyrus.seen; trailing padding is dropped, a missing lastchange is 0.
struct SeenLine {
  std::string userid;
  SeenRecord record;
};
[[nodiscard]] Result<SeenLine> decode_seen_line(std::string_view line);

}  // namespace cyr::meta

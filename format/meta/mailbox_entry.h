// One record of mailboxes.db as a value, and the pure codecs of its four generations (store.md 3;
// format/doc/mailboxes.db.md). What real Cyrus wrote is re-encoded byte for byte by the ListFormat that
// detect_list_format() finds for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/error.h"
#include "format/meta/mailbox_type.h"

namespace cyr::meta {

// Who wrote the list. Generation T: text; X: text with an extension list (development builds before 2.5); D:
// dlist by name; K: dlist keyed by `N`name and `I`uniqueid. Every decoder reads every generation's values.
enum class ListFormat : std::uint8_t {
  text,           // T: "TYPE PARTITION ACL", 2.0-2.4
  extended_text,  // X: "(uniqueid ID specialuse FLAG) TYPE PARTITION ACL"
  dlist_25,       // D: A I P S T V M
  dlist_30,       // D: adds F
  dlist_32,       // D: adds C (3.2, 3.4)
  keyed_36,       // K: 3.6-3.10
  keyed_312,      // K: US is quoted
};
[[nodiscard]] constexpr bool is_keyed(ListFormat format) { return format >= ListFormat::keyed_36; }

// An earlier name in the history of an I record, as its tombstone was.
struct FormerName {
  std::string name;  // internal form
  std::int64_t mtime = 0;
  std::uint32_t uidvalidity = 0;
  std::uint64_t createdmodseq = 0;
  std::uint64_t foldermodseq = 0;
  std::optional<MailboxType> type;  // nothing: no T on disk
  std::string partition;

  friend bool operator==(const FormerName&, const FormerName&) = default;
};

struct MailboxEntry {
  std::string name;  // internal form: "user.bovik.a^b", "example.org!user.bovik"
  MailboxType type;
  std::string partition;           // empty: none (tombstones, intermediates)
  std::string server;              // remote and moving entries
  std::optional<std::string> acl;  // "id TAB rights TAB id TAB rights TAB"; nothing when the record has no A
  std::string uniqueid;            // empty: none (generation T)
  std::uint32_t uidvalidity = 0;   // 0: none
  std::uint64_t createdmodseq = 0;
  std::uint64_t foldermodseq = 0;
  std::int64_t mtime = 0;           // seconds since 1970, of the last write of this record
  std::vector<FormerName> history;  // newest first; I records only
  std::string specialuse;           // generation X only

  friend bool operator==(const MailboxEntry&, const MailboxEntry&) = default;
};

// What a key of mailboxes.db is.
enum class KeyKind : std::uint8_t {
  mailbox,      // T, X, D: the name itself; K: N + dbname
  uniqueid,     // K: I + uniqueid
  reverse_acl,  // $RACL..., A...
  reverse_id,   // $RUNQ...
  user_group,   // UG...
  unknown,      // none of these
};
struct ListKey {
  KeyKind kind = KeyKind::unknown;
  std::string name;  // mailbox: internal name; uniqueid: the id; else the key as it is
};
[[nodiscard]] ListKey parse_list_key(std::string_view key, ListFormat format);
[[nodiscard]] std::string name_key(std::string_view internal_name, ListFormat format);
[[nodiscard]] std::string uniqueid_key(std::string_view uniqueid);

// 3.6's spelling of a name in databases: US between components, GS after the domain, dots as they are; and
// back.
[[nodiscard]] std::string dbname_of(std::string_view internal_name);
[[nodiscard]] std::string internal_name_of(std::string_view dbname);

// The value of a name record (T, X, D, K's N). Errc::corrupt with the offset inside the value. Accepts both
// of Cyrus's dlist readers' languages, unknown fields are skipped.
[[nodiscard]] Result<MailboxEntry> decode_entry(std::string_view internal_name, std::string_view value);
// Its type alone, where the record is an ordinary one; otherwise as decode_entry().
[[nodiscard]] Result<MailboxType> decode_entry_type(std::string_view value);
// The value of an I record.
[[nodiscard]] Result<MailboxEntry> decode_uniqueid_record(std::string_view uniqueid, std::string_view value);

[[nodiscard]] std::string encode_entry(const MailboxEntry& entry, ListFormat format);
[[nodiscard]] std::string encode_uniqueid_record(const MailboxEntry& entry, ListFormat format);

}  // namespace cyr::meta

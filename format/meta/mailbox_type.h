// The type of a mailboxes.db entry: what it holds and the flags, and the three ways releases spelled it: a
// decimal bit set with the bits of 2.x, letters of 2.5-3.4, letters of 3.6+ (store.md 3.3;
// format/doc/mailboxes.db.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "format/base/error.h"

namespace cyr::meta {

enum class MailboxKind : std::uint8_t {
  email,
  netnews,
  submission,         // JMAP submissions
  push_subscription,  // JMAP push
  jmap_notification,
  sieve,
  collection,  // DAV collection
  calendar,
  addressbook,
};

struct MailboxType {
  MailboxKind kind = MailboxKind::email;
  bool deleted = false;       // a tombstone: the name was deleted or renamed away
  bool moving = false;        // a transfer to another server is going on
  bool remote = false;        // lives on MailboxEntry::server
  bool reserved = false;      // a create is going on
  bool intermediate = false;  // no mailbox, only a name with children
  bool legacy_dirs = false;   // 3.6+: the directory is named after the mailbox, not after its unique id

  friend bool operator==(const MailboxType&, const MailboxType&) = default;

  // There is, or should be, a mailbox directory on this server.
  [[nodiscard]] bool local() const { return !deleted && !reserved && !remote && !intermediate; }
};

// The decimal of generation T. Errc::corrupt for a bit that no release of 2.0-2.4 knew.
[[nodiscard]] Result<MailboxType> decode_type_bits(std::int64_t bits);
[[nodiscard]] std::int64_t encode_type_bits(const MailboxType& type);

// The decimal that ctl_mboxlist -d of 2.5-3.4 prints: the same bits and those of later types; `type` has no
// bit for legacy_dirs, sieve and JMAP notifications, which are left out.
[[nodiscard]] Result<MailboxType> decode_dump_bits(std::int64_t bits);
[[nodiscard]] std::int64_t encode_dump_bits(const MailboxType& type);

// Letters in any order, of either alphabet (they do not clash). Errc::corrupt names a letter nobody knows.
[[nodiscard]] Result<MailboxType> decode_type_letters(std::string_view letters);
// As 2.5-3.4 wrote them: empty for a plain mailbox, order `d m n r z c b a i s p`; the 3.6 letters j, f, l
// are left out.
[[nodiscard]] std::string encode_type_letters_25(const MailboxType& type);
// As 3.6+ writes them: the kind's letter, then the flags in the order `d m r z i l`.
[[nodiscard]] std::string encode_type_letters_36(const MailboxType& type);

}  // namespace cyr::meta

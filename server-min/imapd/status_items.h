// STATUS of a mailbox (RFC 3501 6.3.10, 7162, 8438, 8474, 9208).
#pragma once

#include <cstdint>

#include "server-min/imapd/imap_session.h"

namespace cyr::imapd {

enum class StatusItem : std::uint8_t {
  messages,
  recent,
  uidnext,
  uidvalidity,
  mailboxid,
  unseen,
  size,
  highestmodseq,
  deleted,
  deleted_storage,
};
// A bit set of StatusItem.
using StatusItems = std::uint32_t;

// "(MESSAGES UIDNEXT)". BAD "Invalid Status attributes foo".
Result<StatusItems> parse_status_items(CommandParser& parser);
// "* STATUS name (...)". The caller must hold the right r.
Status write_status(Session& session, const meta::MailboxEntry& entry, StatusItems items);

}  // namespace cyr::imapd

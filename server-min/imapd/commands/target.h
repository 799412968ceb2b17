// The mailbox that APPEND, COPY and MOVE put messages into.
#pragma once

#include "server-min/imapd/imap_session.h"

namespace cyr::imapd {

// Must exist and grant the right i. refuse(): "[TRYCREATE] Mailbox does not exist" when the caller could
// create it, "Permission denied".
Result<meta::MailboxEntry> find_target(Session& session, const std::string& client_name);
// refuse("Over quota") when its quota root is over a limit already.
Status check_not_full(Session& session, const meta::MailboxEntry& entry);

}  // namespace cyr::imapd

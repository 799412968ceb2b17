// Special uses of mailboxes (RFC 6154): a private annotation of the owner.
#pragma once

#include <string>

#include "server-min/imapd/imap_session.h"

namespace cyr::imapd {

// "\Sent", "\Drafts \Important"; empty: none, or not the caller's own mailbox.
[[nodiscard]] std::string special_use_of(Session& session, const meta::MailboxEntry& entry);

}  // namespace cyr::imapd

// The warnings at SELECT that a quota root is full or nearly so (server.md 3.3).
#pragma once

#include "server-min/imapd/imap_session.h"

namespace cyr::imapd {

// "* NO [ALERT] Mailbox is at 95% of STORAGE quota" for the root of the selected mailbox, to those who can
// expunge there, at most every ten minutes for one root.
void alert_quota(Session& session);

}  // namespace cyr::imapd

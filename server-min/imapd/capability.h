// The words of CAPABILITY: exactly what works, in the order of 3.6.1 (server.md 3.1).
#pragma once

#include <string>

#include "server-min/imapd/imap_session.h"

namespace cyr::imapd {

// "IMAP4rev1 LITERAL+ ...". `brief`: what the greeting shows.
[[nodiscard]] std::string capabilities(Session& session, bool brief);

}  // namespace cyr::imapd

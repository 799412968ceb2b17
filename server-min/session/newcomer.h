// The mailboxes of a user who has none yet: made at his first login, or with his first message
// (autocreate_*).
#pragma once

#include <string>

#include "server-min/session/service.h"

namespace cyr::session {

// True when INBOX was made now. Nothing is made for a user to whom autocreate_quota and autocreate_users give
// nothing; what goes wrong is in the log, and keeps nobody out.
bool make_first_mailboxes(Service& service, const std::string& user);

}  // namespace cyr::session

// What lmtpd answers, in the words of Cyrus (server.md 4). A reply is whole lines with their CRLF.
#pragma once

#include <string>
#include <string_view>

#include "format/base/error.h"
#include "format/store/staged_message.h"

namespace cyr::lmtpd {

inline constexpr std::string_view unknown_user =
    "550-Mailbox unknown.  Either there is no mailbox associated with this\r\n"
    "550-name or you do not have authorization to see it.\r\n"
    "550 5.1.1 User unknown\r\n";
inline constexpr std::string_view no_permission =
    "550-You do not have permission to post a message to this mailbox.\r\n"
    "550-Please contact the owner of this mailbox in order to submit\r\n"
    "550-your message, or POSTMASTER if you believe you\r\n"
    "550-received this message in error.\r\n"
    "550 5.7.1 Permission denied\r\n";

// 452, or 552 with lmtp_over_quota_perm_failure.
[[nodiscard]] std::string over_quota(bool permanent, std::string_view session_id);
[[nodiscard]] std::string bad_message(store::MessageFault fault);
// 451: no space, a damaged mailbox, anything else that may pass.
[[nodiscard]] std::string trouble(const Error& error);

}  // namespace cyr::lmtpd

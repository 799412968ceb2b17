#include "server-min/lmtpd/replies.h"

#include <fmt/format.h>

#include <cerrno>

namespace cyr::lmtpd {

std::string over_quota(bool permanent, std::string_view session_id) {
  return fmt::format("{} Over quota SESSIONID=<{}>\r\n", permanent ? "552 5.2.2" : "452 4.2.2", session_id);
}

std::string bad_message(store::MessageFault fault) {
  return fmt::format("554 5.6.0 {}\r\n", store::fault_text(fault));
}

std::string trouble(const Error& error) {
  if (error.sys_errno == ENOSPC || error.sys_errno == EDQUOT) {
    return "451 4.3.1 There is no room for the message\r\n";
  }
  switch (error.code) {
    case Errc::corrupt:
    case Errc::unsupported:
      return "451 4.2.0 Mailbox has an invalid format\r\n";
    case Errc::not_found:
      return "451 4.2.1 Mailbox is not there at present\r\n";
    default:
      return "451 4.3.0 System I/O error\r\n";
  }
}

}  // namespace cyr::lmtpd

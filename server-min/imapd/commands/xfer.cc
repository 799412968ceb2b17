// XFER moves a mailbox to another server of a murder (tools.md 2, "xfermailbox"). This server is in none, so
// that no other one can be asked: the answers are those of the real imapd where the other server is not to be
// reached.
#include "server-min/imapd/commands/registry.h"

namespace cyr::imapd {

Result<Answer> run_xfer(Invocation& invocation) {
  Session& session = invocation.session;
  CommandParser& parser = invocation.parser;
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string name, parser.astring());
  CYR_CHECK(parser.space());
  CYR_CHECK(parser.astring());  // the server
  if (parser.accept(' ')) {
    CYR_CHECK(parser.astring());  // its partition
  }
  CYR_CHECK(parser.end());
  if (!session.caller->is_admin()) {
    return no("Permission denied");
  }
  CYR_CHECK(session.find_mailbox(name));
  return no("Server(s) unavailable to complete operation");
}

}  // namespace cyr::imapd

// STATUS (RFC 3501 6.3.10).
#include "server-min/imapd/commands/registry.h"
#include "server-min/imapd/status_items.h"

namespace cyr::imapd {

Result<Answer> run_status(Invocation& invocation) {
  Session& session = invocation.session;
  CommandParser& parser = invocation.parser;
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string name, parser.astring());
  CYR_CHECK(parser.space());
  CYR_TRY(const StatusItems items, parse_status_items(parser));
  CYR_CHECK(parser.end());
  CYR_TRY(const meta::MailboxEntry entry, session.find_mailbox(name, 'r'));
  CYR_CHECK(write_status(session, entry, items));
  return ok();
}

}  // namespace cyr::imapd

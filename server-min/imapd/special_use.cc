// See special_use.h.
#include "server-min/imapd/special_use.h"

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/store/metadata.h"

namespace cyr::imapd {

std::string special_use_of(Session& session, const meta::MailboxEntry& entry) {
  if (!store::owns(session.store, session.caller->user(), entry.name)) {
    return {};
  }
  const auto uses = store::special_uses(session.store, entry);
  if (!uses) {
    log(LogLevel::error, "{}: {}", entry.name, uses.error().text());
    return {};
  }
  return join(*uses, " ");
}

}  // namespace cyr::imapd

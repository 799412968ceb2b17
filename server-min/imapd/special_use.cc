// See special_use.h.
#include "server-min/imapd/special_use.h"

#include "format/base/log.h"
#include "format/base/text.h"

namespace cyr::imapd {

std::string SpecialUseNames::of(const meta::MailboxEntry& entry) {
  if (!store::owns(session_.store, session_.caller->user(), entry.name)) {
    return {};
  }
  const auto uses = uses_.of(entry);
  if (!uses) {
    log(LogLevel::error, "{}: {}", entry.name, uses.error().text());
    return {};
  }
  return join(*uses, " ");
}

}  // namespace cyr::imapd

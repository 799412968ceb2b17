// Special uses of mailboxes (RFC 6154): a private annotation of the owner.
#pragma once

#include <string>

#include "format/store/metadata.h"
#include "server-min/imapd/imap_session.h"

namespace cyr::imapd {

class SpecialUseNames {
 public:
  explicit SpecialUseNames(Session& session) : session_(session), uses_(session.store) {}
  // "\Sent", "\Drafts \Important"; empty: none, or not the caller's own mailbox.
  [[nodiscard]] std::string of(const meta::MailboxEntry& entry);

 private:
  Session& session_;
  store::SpecialUses uses_;
};

}  // namespace cyr::imapd

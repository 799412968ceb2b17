// See target.h.
#include "server-min/imapd/commands/target.h"

#include "format/store/create_mailbox.h"
#include "format/store/mailbox_view.h"
#include "format/store/quota_limits.h"
#include "format/store/quota_room.h"

namespace cyr::imapd {

Result<meta::MailboxEntry> find_target(Session& session, const std::string& client_name) {
  CYR_TRY(const names::MailboxName name, session.parse_name(client_name));
  CYR_TRY(meta::MailboxList * list, session.store.mailbox_list());
  const std::string internal = name.to_internal(session.store.name_space());
  CYR_TRY(auto entry, list->find(internal));
  if (!entry || !entry->type.local()) {
    store::Administration admin = session.administration();
    return refuse(store::check_create(admin, internal) ? "[TRYCREATE] Mailbox does not exist"
                                                       : "Mailbox does not exist");
  }
  const acl::Rights rights = session.caller->rights(*entry);
  if (!rights.has('i')) {
    return refuse(rights.has('l') ? "Permission denied" : "Mailbox does not exist");
  }
  return std::move(*entry);
}

Status check_not_full(Session& session, const meta::MailboxEntry& entry) {
  CYR_TRY(const auto root, store::quota_root_of(session.store, entry));
  if (!root) {
    return success();
  }
  store::QuotaDemand demand = store::no_quota_demand;
  demand[static_cast<std::size_t>(meta::Resource::storage)] = 0;
  demand[static_cast<std::size_t>(meta::Resource::message)] = 0;
  return store::over_quota(*root, demand) ? Status(refuse("Over quota")) : success();
}

}  // namespace cyr::imapd

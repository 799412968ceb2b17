// Who is logged in, which rights he has on a mailbox, and how he spells mailbox names (server.md 2.1, 3.2;
// store.md 2.4, 2.5, 4.4).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "format/store/identity.h"

namespace cyr::imapd {

class Caller {
 public:
  // `user`: canonical id; `admin`: holds the powers of imapd.conf's admins.
  Caller(const store::Store& store, std::string user, bool admin);

  [[nodiscard]] const std::string& user() const { return actor_.userid; }
  [[nodiscard]] const store::Actor& actor() const { return actor_; }
  [[nodiscard]] const names::UserId& id() const { return id_; }
  [[nodiscard]] bool is_admin() const { return actor_.is_admin; }
  [[nodiscard]] bool is_anonymous() const { return user() == "anonymous"; }
  [[nodiscard]] bool owns(const names::MailboxName& name) const {
    return name.is_user() && !id_.empty() && name.user() == id_;
  }

  // Whether he may know of the mailbox (l); `own`: it is his.
  [[nodiscard]] bool may_look_up(const meta::MailboxEntry& entry, bool own) const {
    return is_admin() || (own && owner_rights_.has('l')) || store::acl_rights(store_, actor_, entry).has('l');
  }
  // Implicit ones included.
  [[nodiscard]] acl::Rights rights(const meta::MailboxEntry& entry) const {
    return store::rights_of(store_, actor_, entry);
  }

  // A name as the client wrote it. Errc::invalid: "Invalid mailbox name".
  [[nodiscard]] Result<names::MailboxName> parse_name(std::string_view text) const;
  // The form that the client is shown; nothing for a name that he cannot see.
  [[nodiscard]] std::optional<std::string> print_name(const names::MailboxName& name) const;
  [[nodiscard]] std::optional<std::string> print_name(std::string_view internal_name) const;
  [[nodiscard]] const names::Namespace& name_space() const { return store_.name_space(); }
  [[nodiscard]] char separator() const { return name_space().separator(); }
  [[nodiscard]] names::MailboxName inbox() const { return names::MailboxName::inbox_of(id_); }
  // True where the alternate namespace holds for him.
  [[nodiscard]] bool alternate() const { return name_space().altnamespace && !is_admin(); }

 private:
  const store::Store& store_;
  store::Actor actor_;
  names::UserId id_;
  acl::Rights owner_rights_;
};

}  // namespace cyr::imapd

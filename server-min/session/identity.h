// Who a session acts as: canonical user names, group membership, who is an administrator (server.md 2.1,
// store.md 8).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/conf/imapd_conf.h"
#include "format/names/user_id.h"

namespace cyr::session {

// The name as mailboxes and ACLs have it. Errc::invalid for one that cannot be a user: empty, more than 80
// bytes, controls, 8-bit bytes, or one of %&*/: in it.
// `authentication`: who proved himself, when `text` is whom he wants to be; lends his domain.
// `local_address`: the text of our address, whose host name gives the domain with virtdomains: on.
Result<std::string> canonical_user(std::string_view text, const conf::Config& config,
                                   const names::Namespace& ns, std::string_view authentication = {},
                                   const std::string& local_address = {});

// A user with his groups.
class Identity {
 public:
  Identity() : Identity("anonymous", {}) {}  // nobody has logged in
  Identity(std::string user, std::vector<std::string> groups)
      : user_(std::move(user)), groups_(std::move(groups)) {}
  // With the groups of the system (unix_group_enable), which are looked up when the first is asked for: few
  // ACLs name one.
  static Identity of(std::string user, const conf::Config& config);

  [[nodiscard]] const std::string& user() const { return user_; }
  [[nodiscard]] bool is_anonymous() const { return user_ == "anonymous"; }
  // Does an identifier of an ACL (without '-') mean this user? "anyone", his name, "group:" + one of his
  // groups.
  [[nodiscard]] bool is_member(std::string_view identifier) const;
  // In a list such as `admins` or `proxyservers`; never anonymous.
  [[nodiscard]] bool is_in(const conf::Config& config, conf::Option list) const;

 private:
  std::string user_;
  mutable std::optional<std::vector<std::string>> groups_;  // names; nothing: not looked up yet
};

}  // namespace cyr::session

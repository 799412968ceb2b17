// Who asks: user ids and identifiers of ACLs as Cyrus's auth_unix has them (store.md 8), and what somebody
// may do with a mailbox (store.md 4.4).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "format/acl/acl.h"
#include "format/store/store.h"

namespace cyr::store {

// Somebody who is logged in, or a program that acts for an administrator.
struct Actor {
  std::string userid;               // canonical; "anonymous" for nobody
  std::vector<std::string> groups;  // "group:staff"
  bool is_admin = false;

  // "anyone", the user himself, or a group he is in.
  [[nodiscard]] bool is(std::string_view identifier) const;
};

// With the groups of the system's database (unix_group_enable) and `admins` of imapd.conf.
[[nodiscard]] Actor actor_of(const conf::Config& config, std::string_view userid);
// A program that works offline, for the first of `admins` or "cyrus".
[[nodiscard]] Actor offline_admin(const conf::Config& config);

// The spelling that is stored: folded to lower case with username_tolower, "anyone" and "anonymous"
// recognised, a group as the system spells it; a leading '-' stays. Refusal::invalid_identifier for a group
// that nobody knows, and bytes that cannot be in an identifier.
[[nodiscard]] Result<std::string> canonical_identifier(const conf::Config& config,
                                                       std::string_view identifier);

[[nodiscard]] acl::Dialect acl_dialect(const conf::Config& config);
// implicit_owner_rights.
[[nodiscard]] acl::Rights owner_rights(const conf::Config& config);
// True if the mailbox (internal name) belongs to the user.
[[nodiscard]] bool owns(const Store& store, std::string_view userid, std::string_view mailbox);

// What the ACL alone gives.
[[nodiscard]] acl::Rights acl_rights(const Store& store, const Actor& actor, const meta::MailboxEntry& entry);
// With the rights that administrators (l, a) and owners have anyway.
[[nodiscard]] acl::Rights rights_of(const Store& store, const Actor& actor, const meta::MailboxEntry& entry);

// LISTRIGHTS: what `identifier` always has on the mailbox, and what can be given.
struct PossibleRights {
  std::string always;
  std::vector<std::string> optional;  // each one letter
};
[[nodiscard]] PossibleRights possible_rights(const Store& store, const meta::MailboxEntry& entry,
                                             std::string_view identifier);

}  // namespace cyr::store

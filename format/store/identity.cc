#include "format/store/identity.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <array>

#include "format/base/text.h"
#include "format/store/refusal.h"

namespace cyr::store {

namespace {

constexpr std::string_view group_prefix = "group:";
constexpr std::size_t longest_identifier = 80;  // bytes
constexpr std::size_t group_buffer = std::size_t{1} << 16U;
constexpr int most_groups = 1024;

// The name as the system's database spells it; nothing for an unknown group.
std::optional<std::string> group_name(const std::string& name) {
  ::group entry{};
  ::group* found = nullptr;
  std::vector<char> buffer(group_buffer);
  if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return {};
  }
  return std::string(found->gr_name);
}

std::optional<std::string> group_name(::gid_t gid) {
  ::group entry{};
  ::group* found = nullptr;
  std::vector<char> buffer(group_buffer);
  if (::getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return {};
  }
  return std::string(found->gr_name);
}

std::vector<std::string> groups_of(const std::string& userid) {
  std::vector<std::string> out;
  ::passwd entry{};
  ::passwd* found = nullptr;
  std::vector<char> buffer(group_buffer);
  const bool known =
      ::getpwnam_r(userid.c_str(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr;
  std::vector<::gid_t> gids(most_groups);
  int count = most_groups;
  // Without an account there is no primary group: the one given is dropped again.
  const auto primary = known ? entry.pw_gid : static_cast<::gid_t>(-1);
  if (::getgrouplist(userid.c_str(), primary, gids.data(), &count) < 0) {
    count = most_groups;
  }
  for (int i = 0; i < count; ++i) {
    const ::gid_t gid = gids[static_cast<std::size_t>(i)];
    if (const auto name = gid == static_cast<::gid_t>(-1) ? std::nullopt : group_name(gid)) {
      out.push_back(std::string(group_prefix) + *name);
    }
  }
  return out;
}

bool may_be_in_identifier(char c) {
  constexpr std::string_view refused = "%&*/:";
  const auto byte = static_cast<unsigned char>(c);
  return byte >= ' ' && byte < 0x7F && refused.find(c) == std::string_view::npos;
}

}  // namespace

bool Actor::is(std::string_view identifier) const {
  return identifier == "anyone" || identifier == userid ||
         std::find(groups.begin(), groups.end(), identifier) != groups.end();
}

Actor actor_of(const conf::Config& config, std::string_view userid) {
  Actor actor;
  actor.userid = userid;
  actor.is_admin = config.is_admin(userid);
  if (config.is_on(conf::Option::unix_group_enable)) {
    actor.groups = groups_of(actor.userid);
  }
  return actor;
}

Actor offline_admin(const conf::Config& config) {
  const auto admins = config.words(conf::Option::admins);
  Actor actor;
  actor.userid = admins.empty() ? "cyrus" : admins.front();
  actor.is_admin = true;
  return actor;
}

Result<std::string> canonical_identifier(const conf::Config& config, std::string_view identifier) {
  const bool negative = identifier.starts_with('-');
  const std::string_view bare = negative ? identifier.substr(1) : identifier;
  const std::string sign = negative ? "-" : "";
  for (const std::string_view special : {"anyone", "anonymous"}) {
    if (equal_ignoring_case(bare, special)) {
      return sign + std::string(special);
    }
  }
  if (bare.empty() || bare.size() > longest_identifier) {
    return refuse(Refusal::invalid_identifier);
  }
  if (starts_with_ignoring_case(bare, group_prefix)) {
    const auto name = group_name(std::string(bare.substr(group_prefix.size())));
    return name ? Result<std::string>(sign + std::string(group_prefix) + *name)
                : refuse(Refusal::invalid_identifier);
  }
  if (!std::all_of(bare.begin(), bare.end(), may_be_in_identifier)) {
    return refuse(Refusal::invalid_identifier);
  }
  return sign + (config.is_on(conf::Option::username_tolower) ? lower_ascii(bare) : std::string(bare));
}

acl::Dialect acl_dialect(const conf::Config& config) {
  acl::Dialect dialect;
  if (const std::string_view right = config.text(conf::Option::deleteright); !right.empty()) {
    dialect.deleteright = right.front();
  }
  return dialect;
}

acl::Rights owner_rights(const conf::Config& config) {
  return acl::Rights::parse(config.text(conf::Option::implicit_owner_rights), acl_dialect(config));
}

bool owns(const Store& store, std::string_view userid, std::string_view mailbox) {
  // Most mailboxes that somebody may see are his own or nobody's: the latter need not be taken apart.
  if (mailbox.find("user.") == std::string_view::npos) {
    return false;
  }
  const auto name = names::MailboxName::from_internal(mailbox, store.name_space());
  return name && name->is_user() && name->user() == names::UserId::parse(userid, store.name_space());
}

acl::Rights acl_rights(const Store& store, const Actor& actor, const meta::MailboxEntry& entry) {
  const std::string_view list = entry.acl ? std::string_view(*entry.acl) : "";
  return acl::rights_in(
      list, [&actor](std::string_view id) { return actor.is(id); }, acl_dialect(store.config()));
}

acl::Rights rights_of(const Store& store, const Actor& actor, const meta::MailboxEntry& entry) {
  acl::Rights rights = acl_rights(store, actor, entry);
  if (actor.is_admin) {
    rights = rights | acl::Rights::parse("la");
  }
  if (owns(store, actor.userid, entry.name)) {
    rights = rights | owner_rights(store.config());
  }
  return rights;
}

PossibleRights possible_rights(const Store& store, const meta::MailboxEntry& entry,
                               std::string_view identifier) {
  constexpr std::string_view digits = "0123456789";
  constexpr std::string_view order = "lrswipkxtecdan";
  const auto dialect = acl_dialect(store.config());
  PossibleRights out;
  const auto name = names::MailboxName::from_internal(entry.name, store.name_space());
  if (owns(store, identifier, entry.name)) {
    out.always = owner_rights(store.config()).print(dialect);
  } else if (name && name->is_inbox()) {
    out.always = "p";  // everybody may deliver to a user, whatever the ACL says
  }
  for (const char letter : order) {
    if (out.always.find(letter) == std::string::npos) {
      out.optional.emplace_back(1, letter);
    }
  }
  for (const char digit : digits) {
    out.optional.emplace_back(1, digit);
  }
  return out;
}

}  // namespace cyr::store

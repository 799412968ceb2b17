#include "format/meta/reverse_records.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/acl/acl.h"
#include "format/names/mailbox_name.h"

namespace cyr::meta {
namespace {

bool listed(const acl::Entry& entry, ReverseAclForm form) {
  const acl::Rights rights = acl::Rights::parse(entry.rights);
  return rights.has('l') || (form != ReverseAclForm::lookup_only && rights.has('r'));
}

std::string reverse_acl_key(std::string_view id, const MailboxEntry& entry, bool of_user,
                            ReverseAclForm form) {
  if (form == ReverseAclForm::keyed) {
    return fmt::format("A{}\x1e{}\x1e{}", of_user ? 'U' : 'S', id, dbname_of(entry.name));
  }
  return fmt::format("$RACL${}${}${}", of_user ? 'U' : 'S', id, entry.name);
}

}  // namespace

std::vector<std::string> reverse_keys(const MailboxEntry& entry, const ReverseRules& rules) {
  std::vector<std::string> keys;
  if (rules.ids && !entry.uniqueid.empty()) {
    keys.push_back(fmt::format("$RUNQ${}${}", entry.uniqueid, entry.name));
  }
  if (rules.acl != ReverseAclForm::none && entry.acl && !entry.type.deleted) {
    // A name that cannot be parsed has no owner; its entries are listed as those of a shared mailbox.
    const auto name = names::MailboxName::from_internal(entry.name, rules.name_space);
    const bool of_user = name && name->is_user();
    const std::string owner = of_user ? name->user().text() : std::string();
    const acl::Acl parsed = acl::Acl::parse(*entry.acl);
    for (const auto& item : parsed.entries()) {
      const bool admin = std::find(rules.admins.begin(), rules.admins.end(), item.id) != rules.admins.end();
      if (!admin && item.id != owner && listed(item, rules.acl)) {
        keys.push_back(reverse_acl_key(item.id, entry, of_user, rules.acl));
      }
    }
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace cyr::meta

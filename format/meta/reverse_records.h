// The derived records of mailboxes.db: reverse ACLs and reverse unique ids (store.md 3.6). Pure; the list's
// writers use it to keep them right, a checker to compare.
#pragma once

#include <string>
#include <vector>

#include "format/meta/mailbox_entry.h"
#include "format/names/namespace.h"

namespace cyr::meta {

enum class ReverseAclForm : std::uint8_t {
  none,
  lookup_only,  // 3.0-3.2: `$RACL$...`, rights with l
  dollar,       // 3.4: the same keys, rights with l or r; the mark's value is 3
  keyed,        // 3.6+: `AU` and `AS` keys, rights with l or r
};

// The keys whose presence says that the list has reverse records.
inline constexpr std::string_view reverse_acl_mark = "$RACL";
inline constexpr std::string_view reverse_acl_mark_keyed = "AS\x1e";
inline constexpr std::string_view reverse_id_mark = "$RUNQ";

struct ReverseRules {
  ReverseAclForm acl = ReverseAclForm::none;
  bool ids = false;  // `$RUNQ$uniqueid$name`
  std::vector<std::string> admins;
  names::Namespace name_space;
};

// The keys that belong to `entry`, sorted; all have empty values.
[[nodiscard]] std::vector<std::string> reverse_keys(const MailboxEntry& entry, const ReverseRules& rules);

}  // namespace cyr::meta

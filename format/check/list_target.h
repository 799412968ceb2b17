// What the store says of itself where no list does: which generation of mailboxes.db it wants, roots that are
// away, owners and quota roots without a mailbox, unique ids of old releases. For list_plan.cc.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "format/check/list_plan.h"

namespace cyr::check {

// Fills plan.format, format_reason and kind. `release` beats the present list, that beats earlier ones, and
// these beat what headers and indexes look like. A present list that is empty but of a kind that 2.4 did not
// have was emptied by the upgrade to 3.6 (upgrade-disaster.md 2).
Status choose_target(store::Store& store, const std::optional<conf::Release>& release,
                     const std::vector<FoundMailbox>& found, ListPlan& plan);

// Spool and metadata roots that are missing or hold nothing.
Result<std::vector<AbsentRoot>> find_absent_roots(store::Store& store);

// The last release that writes lists of this form, for the defaults of options.
[[nodiscard]] conf::Release release_of_list(meta::ListFormat format);

// A file of a user below configdirectory by name: "user/b/bovik.seen".
struct UserFile {
  fs::path path;
  std::string domain, localpart, suffix;  // the local part as the file has it: 2.x writes '^' for a dot
};
Result<std::vector<UserFile>> user_files(store::Store& store);
// Likewise below any directory that is or was a configdirectory.
Result<std::vector<UserFile>> user_files_below(Io& io, const fs::path& config_directory);

// Quota roots that cover none of `names` (internal), and users with files but without a mailbox.
Result<std::vector<LostFound>> orphaned_names(store::Store& store,
                                              const std::set<std::string, std::less<>>& names);

// What CREATE would give a mailbox: all rights for its owner, else the option defaultacl.
[[nodiscard]] std::string new_mailbox_acl(const store::Store& store, const std::string& internal_name,
                                          meta::ListFormat format);

// Unique ids that 2.0 to 2.4 would have made for a mailbox created under this name with this UIDVALIDITY
// (store.md 2.10): calculated in 64 and in 32 bits.
[[nodiscard]] std::vector<std::string> old_style_uniqueids(const meta::MailboxEntry& entry);
// The id is such a one, and of this name.
[[nodiscard]] bool uniqueid_fits_name(std::string_view uniqueid, std::string_view internal_name);
// Every unique id that a seen database has state for, and the ids of the users whose it is.
Result<std::map<std::string, std::set<std::string>>> seen_uniqueids(store::Store& store);

}  // namespace cyr::check

#include "format/store/administration.h"

#include <algorithm>
#include <set>

#include "format/store/counters.h"

namespace cyr::store {

namespace {

// Users whose view of the list changed: the identifiers of the reverse records that came or went.
std::vector<std::string> changed_readers(const std::vector<std::string>& before,
                                         const std::vector<std::string>& after) {
  constexpr std::string_view key_prefix = "AU\x1e";
  std::vector<std::string> keys;
  std::set_symmetric_difference(before.begin(), before.end(), after.begin(), after.end(),
                                std::back_inserter(keys));
  std::vector<std::string> ids;
  for (const std::string& key : keys) {
    const std::size_t end = key.find('\x1e', key_prefix.size());
    if (end != std::string::npos) {
      ids.push_back(key.substr(key_prefix.size(), end - key_prefix.size()));
    }
  }
  return ids;
}

Result<std::vector<std::string>> reverse_keys_of(Store& store, const meta::MailboxEntry& entry) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  CYR_TRY(const auto rules, list->reverse_rules());
  if (rules.acl != meta::ReverseAclForm::keyed) {
    return std::vector<std::string>();
  }
  return meta::reverse_keys(entry, rules);
}

// Each of them that is a user here gets a new raclmodseq, by which clients notice.
Status count_readers(Store& store, const std::vector<std::string>& before,
                     const std::vector<std::string>& after) {
  for (const std::string& id : changed_readers(before, after)) {
    const auto user = names::UserId::parse(id, store.name_space());
    const std::string inbox = names::MailboxName::inbox_of(user).to_internal(store.name_space());
    CYR_TRY(const auto there, find_mailbox(store, inbox));
    if (there) {
      CYR_TRY([[maybe_unused]] const bool kept, change_counters(store, user, [](meta::Counters& all) {
                all.raclmodseq = ++all.highestmodseq;
              }));
    }
  }
  return success();
}

}  // namespace

names::UserId Administration::owner_of(std::string_view mailbox) const {
  const auto name = names::MailboxName::from_internal(mailbox, store.name_space());
  return name ? name->user() : names::UserId();
}

Result<std::optional<meta::MailboxEntry>> find_mailbox(Store& store, std::string_view name) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  CYR_TRY(auto entry, list->find(name));
  if (entry && !entry->type.local()) {
    entry.reset();
  }
  return entry;
}

Result<meta::MailboxEntry> need_mailbox(Store& store, std::string_view name) {
  CYR_TRY(auto entry, find_mailbox(store, name));
  return entry ? Result<meta::MailboxEntry>(std::move(*entry)) : refuse(Refusal::nonexistent);
}

Result<std::optional<meta::MailboxEntry>> find_parent(Store& store, std::string_view name) {
  const names::Namespace& ns = store.name_space();
  auto at = names::MailboxName::from_internal(name, ns);
  std::optional<meta::MailboxEntry> found;
  while (at && !at->boxes.empty() && !found) {
    at->boxes.pop_back();
    if (at->is_user() && at->boxes == std::vector<std::string>{"INBOX"}) {
      at->boxes.clear();
    }
    if (at->boxes.empty() && !at->is_user()) {
      break;
    }
    CYR_TRY(found, find_mailbox(store, at->to_internal(ns)));
  }
  return found;
}

Result<std::vector<meta::MailboxEntry>> mailboxes_below(Store& store, std::string_view name) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  std::vector<meta::MailboxEntry> out;
  CYR_CHECK(list->for_each(std::string(name) + ".", [&](const meta::ListItem& item) -> Result<db::Visit> {
    if (item.entry && item.entry->type.local()) {
      out.push_back(*item.entry);
    }
    return db::Visit::go_on;
  }));
  return out;
}

Result<std::vector<std::shared_ptr<File>>> lock_users(Administration& admin,
                                                      std::vector<std::string> mailboxes) {
  std::set<fs::path> paths;
  for (const std::string& mailbox : mailboxes) {
    CYR_TRY(fs::path path, admin.store.paths().user_lock(admin.owner_of(mailbox)));
    paths.insert(std::move(path));
  }
  std::vector<std::shared_ptr<File>> held;
  for (const fs::path& path : paths) {
    CYR_TRY(auto lock,
            admin.locks.take(admin.io(), path, admin.io().read_only() ? LockFor::examine : LockFor::replace));
    held.push_back(std::move(lock));
  }
  return held;
}

Status put_entry(Administration& admin, const std::optional<meta::MailboxEntry>& before,
                 const meta::MailboxEntry& after) {
  std::vector<std::string> old_keys;
  if (before) {
    CYR_TRY(old_keys, reverse_keys_of(admin.store, *before));
  }
  CYR_TRY(const auto new_keys, reverse_keys_of(admin.store, after));
  CYR_TRY(meta::MailboxList * list, admin.store.mailbox_list());
  CYR_CHECK(list->update(after, admin.now));
  return count_readers(admin.store, old_keys, new_keys);
}

Status rename_entry(Administration& admin, const meta::MailboxEntry& before,
                    const meta::MailboxEntry& after) {
  CYR_TRY(const auto old_keys, reverse_keys_of(admin.store, before));
  CYR_TRY(const auto new_keys, reverse_keys_of(admin.store, after));
  CYR_TRY(meta::MailboxList * list, admin.store.mailbox_list());
  CYR_CHECK(list->rename(before.name, after, admin.now));
  return count_readers(admin.store, old_keys, new_keys);
}

Status need_keyed_list(Store& store) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  if (!meta::is_keyed(list->format())) {
    return make_error(Errc::unsupported, "the mailbox list is of a release before 3.6")
        .at(store.paths().mailboxes_db())
        .with_hint("upgrade it with ctl_mboxlist first");
  }
  return success();
}

}  // namespace cyr::store

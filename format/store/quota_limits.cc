#include "format/store/quota_limits.h"

#include <algorithm>
#include <array>

#include "format/base/text.h"
#include "format/store/mailbox_head.h"
#include "format/store/quota_usage.h"

namespace cyr::store {

namespace {

constexpr std::size_t longest_name = 490;

Status check_root_name(Store& store, const std::string& root) {
  const bool odd = root.empty() || root.front() == '.' || root.size() > longest_name ||
                   root.find_first_of(std::string_view("/*%?\0", 5)) != std::string::npos;
  return odd || !store.paths().quota_file(root) ? Status(refuse(Refusal::bad_name)) : success();
}

Status write_limits(Administration& admin, const std::string& root, const std::vector<QuotaLimit>& limits) {
  CYR_TRY(meta::Quotas * quotas, admin.store.quotas());
  return quotas->change(root, [&](std::optional<meta::QuotaRoot>& found) -> Result<bool> {
    if (!found) {
      found.emplace();
      found->name = root;
    }
    found->limit = {};
    for (const QuotaLimit& limit : limits) {
      found->limit[static_cast<std::size_t>(limit.resource)] =
          limit.limit < 0 ? std::nullopt : std::optional(limit.limit);
    }
    found->form = meta::QuotaForm::dlist_modseq;
    CYR_TRY(found->modseq, next_quota_modseq(admin.store, root, found->modseq, nullptr));
    return true;
  });
}

// Every mailbox at and below `root`, in the list's order.
Result<std::vector<meta::MailboxEntry>> mailboxes_at(Store& store, const std::string& root) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  std::vector<meta::MailboxEntry> out;
  CYR_CHECK(list->for_each_under(root, [&out](const meta::ListItem& item) -> Result<db::Visit> {
    if (item.entry && item.entry->type.local()) {
      out.push_back(*item.entry);
    }
    return db::Visit::go_on;
  }));
  return out;
}

// Puts the mailboxes below a new root under it, except those that a longer one has.
Status adopt(Administration& admin, const std::string& root) {
  CYR_TRY(const auto mailboxes, mailboxes_at(admin.store, root));
  for (const auto& entry : mailboxes) {
    CYR_TRY(auto head, MailboxHead::open(admin, entry));
    const std::string present = head.header.quotaroot.value_or("");
    if (present.size() >= root.size() && meta::covers(root, present)) {
      continue;
    }
    CYR_CHECK(head.set_quota_root(root));
    CYR_CHECK(head.commit());
  }
  return success();
}

}  // namespace

Result<bool> covers_mailboxes(Store& store, const std::string& root) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  bool found = false;
  CYR_CHECK(list->for_each_under(root, [&found](const meta::ListItem& item) -> Result<db::Visit> {
    found = item.entry && item.entry->type.local();
    return found ? db::Visit::stop : db::Visit::go_on;
  }));
  return found;
}

Result<File> lock_quota_change(Store& store) {
  CYR_TRY(const fs::path path, store.paths().quota_change_lock());
  CYR_CHECK(store.io().make_directories(path.parent_path(), 0755));
  return open_locked(store.io(), path, LockMode::exclusive, LockWait::block, {.write = true, .create = true});
}

Result<meta::Resource> resource_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, meta::Resource>, 2> standard{{
      {"ANNOTATION-STORAGE", meta::Resource::annotation_storage},
      {"MAILBOX", meta::Resource::folders},
  }};
  for (std::size_t i = 0; i < meta::resources.size(); ++i) {
    if (equal_ignoring_case(meta::resources[i].name, name)) {
      return static_cast<meta::Resource>(i);
    }
  }
  for (const auto& [word, resource] : standard) {
    if (equal_ignoring_case(word, name)) {
      return resource;
    }
  }
  return refuse(Refusal::unknown_resource);
}

Status set_quota(Administration& admin, const std::string& root, const std::vector<QuotaLimit>& limits,
                 bool force) {
  CYR_CHECK(need_keyed_list(admin.store));
  if (!admin.actor.is_admin) {
    return refuse(Refusal::permission);
  }
  CYR_CHECK(check_root_name(admin.store, root));
  CYR_TRY(const auto users, lock_users(admin, {root}));
  CYR_TRY(meta::Quotas * quotas, admin.store.quotas());
  CYR_TRY(const auto before, quotas->get(root));
  if (!before && !force) {
    CYR_TRY(const bool used, covers_mailboxes(admin.store, root));
    if (!used) {
      return refuse(Refusal::nonexistent);
    }
  }
  if (admin.io().read_only()) {
    return success();
  }
  CYR_TRY(const File lock, lock_quota_change(admin.store));
  CYR_CHECK(write_limits(admin, root, limits));
  return before ? success() : adopt(admin, root);
}

Status remove_quota_root(Administration& admin, const std::string& root) {
  if (!admin.actor.is_admin) {
    return refuse(Refusal::permission);
  }
  CYR_TRY(const auto users, lock_users(admin, {root}));
  CYR_TRY(meta::Quotas * quotas, admin.store.quotas());
  CYR_TRY(const auto present, quotas->get(root));
  if (!present) {
    return refuse(Refusal::no_quota_root);
  }
  if (admin.io().read_only()) {
    return success();
  }
  CYR_TRY(const File lock, lock_quota_change(admin.store));
  std::optional<std::string> above;
  for (const auto& candidate : meta::quota_root_candidates(root)) {
    CYR_TRY(const auto there, quotas->get(candidate));
    if (there && candidate != root && !above) {
      above = candidate;
    }
  }
  CYR_TRY(const auto mailboxes, mailboxes_at(admin.store, root));
  for (const auto& entry : mailboxes) {
    CYR_TRY(auto head, MailboxHead::open(admin, entry));
    if (head.header.quotaroot == root) {
      CYR_CHECK(head.set_quota_root(above));
      CYR_CHECK(head.commit());
    }
  }
  return quotas->change(root, [](std::optional<meta::QuotaRoot>& found) -> Result<bool> {
    found.reset();
    return true;
  });
}

Result<meta::QuotaRoot> get_quota(Store& store, const std::string& root) {
  CYR_TRY(meta::Quotas * quotas, store.quotas());
  CYR_TRY(auto found, quotas->get(root));
  return found ? Result<meta::QuotaRoot>(std::move(*found)) : refuse(Refusal::no_quota_root);
}

Result<std::optional<meta::QuotaRoot>> quota_root_of(Store& store, const meta::MailboxEntry& entry) {
  CYR_TRY(meta::Quotas * quotas, store.quotas());
  CYR_TRY(const auto files, store.files(entry));
  const auto bytes = store.io().read_file(files.header);
  const auto header =
      bytes ? mailbox::decode_header(bytes->bytes()) : Result<mailbox::MailboxHeader>(bytes.error());
  std::optional<std::string> root;
  if (header) {
    root = header->quotaroot;
  } else {
    CYR_TRY(root, quotas->find_root(entry.name));
  }
  return root ? quotas->get(*root) : std::optional<meta::QuotaRoot>();
}

Status erase_quota_roots(Administration& admin, const names::UserId& user) {
  CYR_TRY(meta::Quotas * quotas, admin.store.quotas());
  const std::string inbox = names::MailboxName::inbox_of(user).to_internal(admin.store.name_space());
  std::vector<std::string> roots;
  CYR_CHECK(quotas->for_each(
      inbox,
      [&](std::string_view name, std::string_view, const Result<meta::QuotaRoot>&) -> Result<db::Visit> {
        if (name == inbox || name.starts_with(inbox + ".")) {
          roots.emplace_back(name);
        }
        return db::Visit::go_on;
      }));
  for (const std::string& root : roots) {
    // The record may be unreadable: it goes all the same.
    CYR_CHECK(quotas->database().erase(root));
    CYR_TRY([[maybe_unused]] const auto modseq, next_quota_modseq(admin.store, root, 0, nullptr));
  }
  return success();
}

}  // namespace cyr::store

#include "format/store/delete_mailbox.h"

#include <fmt/format.h>

#include "format/base/log.h"
#include "format/mailbox/index_file.h"
#include "format/store/annotations.h"
#include "format/store/mailbox_directories.h"
#include "format/store/mailbox_head.h"
#include "format/store/metadata.h"
#include "format/store/remove_mailbox.h"
#include "format/store/rename_mailbox.h"
#include "format/store/status_cache.h"
#include "format/store/user_data.h"

namespace cyr::store {

namespace {

bool is_delayed(const Administration& admin) {
  return admin.config().text(conf::Option::delete_mode) == "delayed";
}

// The name under DELETED; a second that is taken already makes it the next.
Result<std::string> deleted_name(Administration& admin, const names::MailboxName& name) {
  constexpr int most_tries = 1000;
  names::MailboxName deleted = name;
  CYR_TRY(meta::MailboxList * list, admin.store.mailbox_list());
  for (int i = 0; i < most_tries; ++i) {
    deleted.deleted = static_cast<std::uint64_t>(admin.now + i);
    std::string text = deleted.to_internal(admin.store.name_space());
    CYR_TRY(const auto there, list->find(text));
    if (!there) {
      return text;
    }
  }
  return refuse(Refusal::exists);
}

Status check(const Administration& admin, const DeleteRequest& request, const names::MailboxName& name,
             const meta::MailboxEntry& entry) {
  const bool own = owns(admin.store, admin.actor.userid, entry.name);
  if (name.is_inbox() && own) {
    return refuse(Refusal::not_supported);
  }
  if (name.is_inbox() && !admin.actor.is_admin) {
    return refuse(Refusal::permission);
  }
  if (!request.check_rights || entry.type.intermediate) {
    return success();
  }
  const auto mine = acl_rights(admin.store, admin.actor, entry);
  if (mine.has('x')) {
    return success();
  }
  const bool visible =
      admin.actor.is_admin || mine.has('l') || (own && owner_rights(admin.config()).has('a'));
  return refuse(visible ? Refusal::permission : Refusal::nonexistent);
}

// Takes the mailbox away at once. Its name stays in the list as a tombstone.
Status remove_now(Administration& admin, const meta::MailboxEntry& entry) {
  CYR_TRY(auto head, MailboxHead::open(admin, entry));
  CYR_TRY(const auto annotations, count_mailbox_annotations(admin.store, entry));
  meta::MailboxEntry after;
  after.name = entry.name;
  after.type.deleted = true;
  after.type.legacy_dirs = entry.type.legacy_dirs;
  after.uniqueid = entry.uniqueid;
  after.uidvalidity = head.index.uidvalidity;
  after.createdmodseq = head.index.createdmodseq;
  CYR_CHECK(head.touch({.folder = false, .deleted = true}));
  // Each annotation that goes with the mailbox is a change of its own, after which Cyrus writes the entry
  // again with an empty ACL.
  for (std::size_t i = 0; i < annotations; ++i) {
    CYR_CHECK(head.touch({.folder = true, .deleted = false}));
    after.acl = "";
  }
  after.foldermodseq = head.index.highestmodseq;
  CYR_CHECK(put_entry(admin, entry, after));
  CYR_CHECK(head.set_quota_root({}));
  CYR_CHECK(erase_mailbox_annotations(admin.store, entry));
  forget_status(admin.store, entry.name);
  CYR_TRY(const bool alone, head.lock().become_exclusive());
  if (alone) {
    return remove_mailbox_directories(admin.store, head.files());
  }
  head.index.options |= mailbox::option::deleted;
  return head.commit();
}

Status delete_one(Administration& admin, const meta::MailboxEntry& entry, bool at_once) {
  if (admin.io().read_only()) {
    return success();
  }
  CYR_TRY(const auto name, names::MailboxName::from_internal(entry.name, admin.store.name_space()));
  if (entry.type.intermediate) {
    CYR_TRY(meta::MailboxList * list, admin.store.mailbox_list());
    return list->entomb(entry.name, admin.now);
  }
  if (name.is_deleted()) {
    CYR_CHECK(remove_mailbox(admin.store, entry, admin.locks));
    return note_modseq(admin.store, name.user(), entry.type.kind, entry.foldermodseq,
                       {.folder = true, .deleted = true});
  }
  if (at_once || !is_delayed(admin)) {
    return remove_now(admin, entry);
  }
  CYR_TRY(const std::string to, deleted_name(admin, name));
  CYR_CHECK(move_mailbox(admin, entry, to, entry.partition));
  CYR_TRY(const auto moved, need_mailbox(admin.store, to));
  return note_modseq(admin.store, name.user(), entry.type.kind, moved.foldermodseq,
                     {.folder = false, .deleted = true});
}

}  // namespace

Status delete_mailbox(Administration& admin, const DeleteRequest& request) {
  CYR_CHECK(need_keyed_list(admin.store));
  CYR_TRY(const auto users, lock_users(admin, {request.name}));
  CYR_TRY(meta::MailboxList * list, admin.store.mailbox_list());
  auto name = names::MailboxName::from_internal(request.name, admin.store.name_space());
  CYR_TRY(const auto entry, list->find(request.name));
  if (!name || !entry || !(entry->type.local() || entry->type.intermediate)) {
    return refuse(Refusal::nonexistent);
  }
  CYR_TRY(const auto children, mailboxes_below(admin.store, request.name));
  const bool user = name->is_inbox();
  const bool visible = rights_of(admin.store, admin.actor, *entry).has('l');
  if (!user && !name->is_deleted() && !children.empty() && visible) {
    return refuse(Refusal::has_children);
  }
  CYR_CHECK(check(admin, request, *name, *entry));
  if (!admin.actor.is_admin) {
    CYR_CHECK(check_protected(admin, *entry));
  }
  CYR_CHECK(delete_one(admin, *entry, request.at_once));
  if (!user || admin.io().read_only()) {
    return success();
  }
  for (const auto& child : children) {
    CYR_CHECK(delete_one(admin, child, request.at_once));
  }
  return delete_user_data(admin, *entry);
}

Result<bool> finish_deleted(Administration& admin, const meta::MailboxEntry& entry) {
  CYR_TRY(const auto files, admin.store.files(entry));
  CYR_TRY(auto lock, MailboxLock::take(admin.io(), files, LockFor::change, admin.locks));
  if (!lock.has_index()) {
    return true;
  }
  CYR_TRY(const auto index, mailbox::read_index_header(lock.index()));
  CYR_TRY(const bool alone, lock.become_exclusive());
  if (!alone || (index.options & mailbox::option::deleted) == 0) {
    return false;
  }
  CYR_CHECK(remove_mailbox_directories(admin.store, files));
  return true;
}

}  // namespace cyr::store

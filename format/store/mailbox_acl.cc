#include "format/store/mailbox_acl.h"

#include "format/store/mailbox_head.h"

namespace cyr::store {

namespace {

// May the actor change this entry at all?
Status check_change(const Administration& admin, const meta::MailboxEntry& entry, std::string_view identifier,
                    std::string_view rights) {
  if (admin.actor.is_admin) {
    return success();
  }
  const auto mine = rights_of(admin.store, admin.actor, entry);
  if (!mine.has('a')) {
    return refuse(mine.has('l') ? Refusal::permission : Refusal::nonexistent);
  }
  const bool anyone = identifier.starts_with("anyone") && !admin.config().is_on(conf::Option::anyoneuseracl);
  const bool adds = rights.starts_with('+');
  // An owner must not lose the right by which he could take it back.
  const bool locks_out = owns(admin.store, identifier, entry.name) && !adds &&
                         !acl::Rights::parse(rights, acl_dialect(admin.config())).has('a');
  return anyone || locks_out ? Status(refuse(Refusal::permission)) : success();
}

// What the owner has anyway is put into his entry, and out of a negative one.
void keep_owner_rights(const Administration& admin, const meta::MailboxEntry& entry, acl::Acl& list,
                       const std::string& identifier) {
  const bool negative = identifier.starts_with('-');
  const std::string bare = negative ? identifier.substr(1) : identifier;
  if (!owns(admin.store, bare, entry.name)) {
    return;
  }
  const auto dialect = acl_dialect(admin.config());
  const acl::Entry* present = list.find(identifier);
  const auto now = present != nullptr ? acl::Rights::parse(present->rights, dialect) : acl::Rights();
  const auto always = owner_rights(admin.config());
  list.set(identifier, negative ? now - always : now | always, dialect);
}

Status write_acl(Administration& admin, const meta::MailboxEntry& entry, const acl::Acl& list) {
  if (admin.io().read_only()) {
    return success();
  }
  CYR_TRY(auto head, MailboxHead::open(admin, entry));
  meta::MailboxEntry after = entry;
  after.acl = list.print();
  head.header.acl = after.acl;
  CYR_CHECK(head.touch());
  after.foldermodseq = head.index.highestmodseq;
  after.history.clear();
  CYR_CHECK(head.commit());
  return put_entry(admin, entry, after);
}

}  // namespace

Status replace_acl(Administration& admin, const meta::MailboxEntry& entry, const acl::Acl& list) {
  CYR_TRY(const auto users, lock_users(admin, {entry.name}));
  return write_acl(admin, entry, list);
}

Status set_acl(Administration& admin, std::string_view mailbox, std::string_view identifier,
               std::string_view rights) {
  CYR_CHECK(need_keyed_list(admin.store));
  CYR_TRY(const auto users, lock_users(admin, {std::string(mailbox)}));
  CYR_TRY(const auto entry, need_mailbox(admin.store, mailbox));
  CYR_CHECK(check_change(admin, entry, identifier, rights));
  const auto dialect = acl_dialect(admin.config());
  const bool relative = rights.starts_with('+') || rights.starts_with('-');
  CYR_CHECK(acl::Rights::parse_strict(relative ? rights.substr(1) : rights, dialect));
  auto id = canonical_identifier(admin.config(), identifier);
  if (!id && !rights.empty()) {
    return id.error();
  }
  // A stored identifier that could not be given today can still be removed.
  const std::string name = id ? *id : std::string(identifier);
  acl::Acl list = acl::Acl::parse(entry.acl.value_or(""));
  CYR_TRY([[maybe_unused]] const auto set, list.apply(name, rights, dialect));
  keep_owner_rights(admin, entry, list, name);
  return write_acl(admin, entry, list);
}

Status rename_identifier(Administration& admin, const meta::MailboxEntry& entry, const std::string& from,
                         const std::string& to) {
  acl::Acl list = acl::Acl::parse(entry.acl.value_or(""));
  const acl::Entry* present = list.find(from);
  if (present == nullptr) {
    return success();
  }
  const auto dialect = acl_dialect(admin.config());
  const auto rights = acl::Rights::parse(present->rights, dialect);
  // Two changes, as the server makes them: each gives the mailbox a modseq.
  list.set(to, rights, dialect);
  keep_owner_rights(admin, entry, list, to);
  CYR_CHECK(write_acl(admin, entry, list));
  CYR_TRY(const auto changed, need_mailbox(admin.store, entry.name));
  list.set(from, acl::Rights(), dialect);
  return write_acl(admin, changed, list);
}

}  // namespace cyr::store

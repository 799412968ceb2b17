#include "format/store/user_subscriptions.h"

#include "format/meta/subscriptions.h"
#include "format/store/user_files.h"

namespace cyr::store {

namespace {

std::string inbox_of(const Store& store, const names::UserId& user) {
  return names::MailboxName::inbox_of(user).to_internal(store.name_space());
}

// An empty database is new.
Status set_version(db::Database& database) {
  CYR_TRY(const auto first, database.next(""));
  return first ? success() : database.put(meta::subscription_version_key, "2");
}

// A database of before 3.6 is rewritten, as Cyrus does at the first opening.
Status upgrade(db::Database& database, const std::string& inbox) {
  CYR_TRY(const auto version, database.get(meta::subscription_version_key));
  if (version) {
    return success();
  }
  CYR_TRY(const auto old, meta::read_subscriptions(database, inbox));
  CYR_TRY(const auto transaction, database.begin());
  for (const std::string& name : old.mailboxes) {
    CYR_CHECK(transaction->erase(name));
  }
  for (const std::string& name : old.mailboxes) {
    const auto key = meta::encode_subscription_key(name, meta::SubscriptionVersion::v2, inbox);
    CYR_CHECK(transaction->put(key, ""));
  }
  CYR_CHECK(transaction->put(meta::subscription_version_key, "2"));
  return transaction->commit();
}

// Under the lock that Cyrus takes for the upgrade.
Status change_subscription(Administration& admin, const names::UserId& user, const std::string& mailbox,
                           bool on) {
  CYR_TRY(const fs::path path, user_file(admin.store, user, "sub"));
  CYR_TRY(const fs::path lock_path, admin.store.paths().lock_file("$SUBS_UPGRADE$" + user.text()));
  CYR_CHECK(admin.io().make_directories(lock_path.parent_path(), 0755));
  CYR_TRY(const File lock, open_locked(admin.io(), lock_path, LockMode::exclusive, LockWait::block,
                                       {.write = true, .create = true}));
  const std::string inbox = inbox_of(admin.store, user);
  CYR_TRY(const auto database, admin.store.open_database(path, conf::Option::subscription_db, true));
  CYR_CHECK(set_version(*database));
  CYR_CHECK(upgrade(*database, inbox));
  return meta::subscribe(*database, mailbox, inbox, on);
}

}  // namespace

Result<std::vector<std::string>> subscriptions_of(Store& store, const names::UserId& user) {
  CYR_TRY(const fs::path path, user_file(store, user, "sub"));
  const auto database = store.open_database(path, conf::Option::subscription_db);
  if (!database) {
    return database.error().code == Errc::not_found
               ? Result<std::vector<std::string>>(std::vector<std::string>())
               : database.error();
  }
  CYR_TRY(auto subscriptions, meta::read_subscriptions(**database, inbox_of(store, user)));
  return std::move(subscriptions.mailboxes);
}

Status subscribe(Administration& admin, const names::UserId& user, const std::string& mailbox, bool force) {
  if (!force) {
    CYR_TRY(const auto entry, need_mailbox(admin.store, mailbox));
    // By the ACL alone: administrators may look up every mailbox, but not subscribe to it.
    if (!acl_rights(admin.store, admin.actor, entry).has('l')) {
      return refuse(Refusal::nonexistent);
    }
  }
  return admin.io().read_only() ? success() : change_subscription(admin, user, mailbox, true);
}

Status unsubscribe(Administration& admin, const names::UserId& user, const std::string& mailbox) {
  return admin.io().read_only() ? success() : change_subscription(admin, user, mailbox, false);
}

}  // namespace cyr::store

// Administration on a copy of a real store: what a program that calls it relies on. What is written is
// compared with the real server by tests/interop/administration.py.
#include "format/store/mailbox_admin.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"
#include "tests/support/tree.h"

using namespace cyr;
using store::Refusal;

namespace {

struct Offline {
  explicit Offline(const std::string& name, Io& io = posix_io()) : files(name) {
    auto opened = store::Store::open(io, fs::path(files.conf()));
    REQUIRE_OK(opened);
    store = std::move(*opened);
    admin.emplace(store::Administration{*store, locks, store::offline_admin(store->config()), 1'900'000'000});
  }
  void become(const std::string& user) { admin->actor = store::actor_of(store->config(), user); }

  test::TempStore files;
  std::unique_ptr<store::Store> store;
  store::UserLocks locks;
  std::optional<store::Administration> admin;
};

void check_refused(const Status& status, Refusal refusal) {
  REQUIRE_FALSE(status.has_value());
  CHECK(store::refusal_of(status.error()) == refusal);
}

Status create(Offline& offline, const std::string& name) {
  const auto made = store::create_mailbox(*offline.admin, {.name = name});
  return made ? success() : Status(made.error());
}

}  // namespace

TEST_CASE("what is refused has the server's words", "[administration]") {
  Offline offline("default");
  check_refused(create(offline, "user.bovik"), Refusal::exists);
  check_refused(create(offline, "user.nobody.x"), Refusal::permission);
  check_refused(create(offline, "user.bovik.a/b"), Refusal::bad_name);
  check_refused(store::delete_mailbox(*offline.admin, {.name = "user.nobody"}), Refusal::nonexistent);
  check_refused(store::delete_mailbox(*offline.admin, {.name = "user.bovik"}), Refusal::permission);
  check_refused(store::set_acl(*offline.admin, "user.bovik", "group:no such group", "lr"),
                Refusal::invalid_identifier);
  check_refused(store::set_quota(*offline.admin, "user.nobody", {}), Refusal::nonexistent);
  offline.become("ted");
  check_refused(create(offline, "user.bovik.new"), Refusal::permission);
  check_refused(store::set_quota(*offline.admin, "user.ted", {}), Refusal::permission);
  check_refused(store::delete_mailbox(*offline.admin, {.name = "user.ted"}), Refusal::not_supported);
  CHECK(store::info_of(Refusal::has_children).response_code == "HASCHILDREN");
}

TEST_CASE("a dry run checks everything and writes nothing", "[administration]") {
  Offline offline("default", read_only_io());
  const auto before = test::read_tree(offline.files.root());
  REQUIRE_OK(create(offline, "user.newbie"));
  REQUIRE_OK(store::set_acl(*offline.admin, "user.bovik", "ted", "lrs"));
  REQUIRE_OK(store::rename_mailbox(*offline.admin, {.from = "user.fred", .to = "user.renamed"}));
  REQUIRE_OK(store::set_quota(*offline.admin, "user.bovik", {{meta::Resource::message, 5}}));
  REQUIRE_OK(store::set_metadata(*offline.admin, "user.bovik", {"/comment", true, "new"}));
  REQUIRE_OK(store::subscribe(*offline.admin, {"cyrus", ""}, "user.bovik", true));
  check_refused(create(offline, "user.bovik"), Refusal::exists);
  CHECK(test::read_tree(offline.files.root()) == before);
}

TEST_CASE("autocreate makes what imapd.conf says", "[administration]") {
  Offline offline("default");
  CHECK_FALSE(
      store::autocreate_user(*offline.admin, store::actor_of(offline.store->config(), "anonymous")).value());
  CHECK(store::autocreate_user(*offline.admin, store::actor_of(offline.store->config(), "newbie")).value());
  CHECK(store::find_mailbox(*offline.store, "user.newbie").value().has_value());
  const auto names = store::subscriptions_of(*offline.store, {"newbie", ""});
  REQUIRE_OK(names);
  CHECK(*names == std::vector<std::string>{"user.newbie"});
  CHECK_FALSE(
      store::autocreate_user(*offline.admin, store::actor_of(offline.store->config(), "newbie")).value());
}

// The plan of a lost mailbox list, what it writes, and its interruption at every change. The lists of the
// real releases are compared name by name in tests/matrix/list_matrix.py.
#include <map>

#include "format/check/conversion_space.h"
#include "format/check/list_companions.h"
#include "format/check/list_rebuild.h"
#include "format/check/undo.h"
#include "tests/unit/check/killed_io.h"
#include "tests/unit/check/repair_bench.h"

using namespace cyr;
using check::Verdict;
using test::TempStore;

namespace {

fs::path list_of(const TempStore& temp) { return temp / "config/mailboxes.db"; }

std::unique_ptr<store::Store> store_at(const TempStore& temp, Io& io = posix_io()) {
  auto store = store::Store::open(io, temp.conf());
  REQUIRE_OK(store);
  return std::move(*store);
}

check::ListPlan plan_of(store::Store& store, std::optional<conf::Release> release = {}) {
  auto plan = check::plan_mailbox_list(store, {.release = release, .stop = nullptr, .jobs = 2});
  REQUIRE_OK(plan);
  return std::move(*plan);
}

Result<check::RebuildSummary> rebuild(const TempStore& temp, const std::string& id, Io& io = posix_io(),
                                      std::optional<conf::Release> release = {}) {
  auto store = store_at(temp, io);
  test::Findings findings;
  test::Collector collector(findings);
  store::SavedCopies saved(io, store->saved_roots(), id, true);
  CYR_TRY(const auto plan, check::plan_mailbox_list(*store, {.release = release}));
  CYR_CHECK(check::refuse_plan(plan));
  return check::carry_out_plan(*store, plan, saved, collector, 1795700000);
}

std::map<std::string, meta::MailboxEntry> entries_of(const TempStore& temp) {
  std::map<std::string, meta::MailboxEntry> out;
  auto store = store_at(temp);
  const auto list = store->mailbox_list();
  REQUIRE_OK(list);
  REQUIRE_OK((*list)->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
    if (!item.entry) {
      return item.entry.error();
    }
    out.emplace(item.name, *item.entry);
    return db::Visit::go_on;
  }));
  return out;
}

void remove_list(const TempStore& temp) { REQUIRE_OK(posix_io().unlink(list_of(temp))); }

}  // namespace

TEST_CASE("an intact list is kept octet by octet", "[list_plan]") {
  const std::string name = GENERATE("default", "old-3.2.12-virt");
  TempStore temp(name);
  const std::string before = test::read_text(list_of(temp));
  auto store = store_at(temp);
  const auto plan = plan_of(*store);
  CHECK_FALSE(plan.writes());
  CHECK(plan.count(Verdict::kept) == plan.entries.size());
  CHECK(plan.missing_directories() == 0);
  REQUIRE_OK(rebuild(temp, "run1"));
  CHECK(test::read_text(list_of(temp)) == before);
}

TEST_CASE("a record of the list is kept although its directory is gone", "[list_plan]") {
  TempStore temp("classic");
  const auto before = entries_of(temp);
  REQUIRE_OK(posix_io().rename(temp / "spool", temp / "away"));
  REQUIRE_OK(posix_io().make_directory(temp / "spool", 0755));
  auto store = store_at(temp);
  const auto plan = plan_of(*store);
  REQUIRE(plan.absent.size() == 1);
  CHECK(plan.absent.front().there);
  CHECK(plan.absent.front().entries == plan.missing_directories());
  CHECK(plan.missing_directories() > 100);
  CHECK_FALSE(plan.refused);
  CHECK_FALSE(plan.writes());
  CHECK(plan.entries.size() == before.size());
}

TEST_CASE("without list and spool nothing is written", "[list_plan]") {
  TempStore temp("classic");
  remove_list(temp);
  REQUIRE_OK(posix_io().rename(temp / "spool", temp / "away"));
  const auto refused = rebuild(temp, "run1");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::invalid);
  CHECK(refused.error().path == temp / "spool");
  CHECK_FALSE(*posix_io().exists(list_of(temp)));
}

TEST_CASE("the list of another store says nothing of this one", "[list_plan]") {
  TempStore temp("old-2.4.22-default");
  TempStore other("default");
  const auto before = entries_of(temp);
  test::write_text(list_of(temp), test::read_text(list_of(other)));
  auto store = store_at(temp);
  const auto plan = plan_of(*store);
  CHECK(plan.sources.at(1).foreign);
  CHECK(plan.format == meta::ListFormat::text);
  CHECK(plan.entries.size() == before.size());
  for (const auto& planned : plan.entries) {
    CAPTURE(planned.entry.name);
    REQUIRE(before.contains(planned.entry.name));
    CHECK(planned.entry.acl == before.at(planned.entry.name).acl);
  }
}

TEST_CASE("two mailboxes with one unique id: the copy gets a new one", "[list_plan]") {
  TempStore temp("old-2.4.22-default");
  remove_list(temp);
  const fs::path original = temp / "spool/user/ted/Work", copy = temp / "spool/user/ted/Copy";
  REQUIRE_OK(posix_io().make_directory(copy, 0755));
  for (const char* file : {"cyrus.header", "cyrus.index", "cyrus.cache"}) {
    test::write_text(copy / file, test::read_text(original / file));
  }
  auto store = store_at(temp);
  const auto plan = plan_of(*store, conf::v3_6);
  CHECK(plan.count(Verdict::conflicting) == 1);
  std::string id_of_original, id_of_copy;
  for (const auto& planned : plan.entries) {
    id_of_original = planned.directory == original ? planned.entry.uniqueid : id_of_original;
    id_of_copy = planned.directory == copy ? planned.entry.uniqueid : id_of_copy;
  }
  CHECK(id_of_original.size() == 16);
  CHECK(id_of_copy.size() == 24);
}

TEST_CASE("a rebuild that is killed at any change leaves the old list or the new one", "[list_plan]") {
  TempStore temp("old-3.2.12-virt");
  const std::string damaged = test::read_text(list_of(temp)).substr(0, 9000);
  test::write_text(list_of(temp), damaged);
  REQUIRE_OK(rebuild(temp, "whole"));
  const auto wanted = entries_of(temp);
  int kills = 0;
  for (bool killed = true; killed; ++kills) {
    CAPTURE(kills);
    test::write_text(list_of(temp), damaged);
    test::KilledIo io(posix_io(), kills);
    (void)rebuild(temp, "run" + std::to_string(kills), io);
    killed = io.was_killed();
    const std::string now = test::read_text(list_of(temp));
    if (now != damaged) {
      REQUIRE(entries_of(temp).size() == wanted.size());
    }
    REQUIRE_OK(rebuild(temp, "again" + std::to_string(kills)));
    REQUIRE(entries_of(temp).size() == wanted.size());
  }
  CHECK(kills > 5);
}

TEST_CASE("a rebuild is undone", "[list_plan]") {
  TempStore temp("classic");
  const std::string damaged = test::read_text(list_of(temp)).substr(0, 20000);
  test::write_text(list_of(temp), damaged);
  REQUIRE_OK(rebuild(temp, "run1", posix_io(), conf::v2_4));
  CHECK(entries_of(temp).at("user.bovik").uniqueid.empty());  // a list of 2.4
  auto store = store_at(temp);
  auto undo = check::Undo::open(*store, "run1", "undo1", {});
  REQUIRE_OK(undo);
  store::SavedCopies saved(posix_io(), store->saved_roots(), "undo1", true);
  store::UserLocks locks;
  for (const auto& name : (*undo)->mailboxes()) {
    REQUIRE_OK((*undo)->undo(name, saved, locks));
  }
  REQUIRE_OK((*undo)->finish(saved));
  CHECK(test::read_text(list_of(temp)) == damaged);
}

namespace {

// Has no more room than it is told.
class FullIo final : public ForwardIo {
 public:
  explicit FullIo(Io& inner) : ForwardIo(inner) {}
  Result<Space> space(const fs::path& /*path*/) override { return Space{1000, 100000}; }
};

void undo_all(const TempStore& temp, const std::string& id) {
  auto store = store_at(temp);
  auto undo = check::Undo::open(*store, id, id + "-undone", {});
  REQUIRE_OK(undo);
  store::SavedCopies saved(posix_io(), store->saved_roots(), id + "-undone", true);
  store::UserLocks locks;
  for (const auto& name : (*undo)->mailboxes()) {
    const auto done = (*undo)->undo(name, saved, locks);
    REQUIRE_OK(done);
    CHECK(done->conflicts.empty());
  }
  REQUIRE_OK((*undo)->finish(saved));
}

}  // namespace

TEST_CASE("a conversion says what it needs", "[list_plan]") {
  TempStore temp("default");
  FullIo full(posix_io());
  auto store = store_at(temp, full);
  const auto spaces = check::conversion_space(*store, plan_of(*store, conf::v2_4));
  REQUIRE_OK(spaces);
  REQUIRE(spaces->size() == 1);
  CHECK(spaces->front().free == 1000);
  CHECK(spaces->front().needed > 500000);
}

TEST_CASE("renamed directories of Sieve scripts are undone", "[list_plan]") {
  TempStore temp("old-2.4.22-default");
  const fs::path old = temp / "sieve/h/harry^q^bovik", now = temp / "sieve/h/harry.q.bovik";
  test::write_text(old / "main.bc", "bytecode");
  test::write_text(old / "main.script", "keep;");
  REQUIRE_OK(posix_io().symlink("main.bc", old / "defaultbc"));
  {
    auto store = store_at(temp);
    store::SavedCopies saved(posix_io(), store->saved_roots(), "run1", true);
    const auto done = check::carry_companions(*store, plan_of(*store, conf::v3_6), saved);
    REQUIRE_OK(done);
    CHECK(done->scripts == 1);
    CHECK(done->left.empty());
  }
  CHECK_FALSE(*posix_io().exists(old));
  CHECK(test::read_text(now / "main.script") == "keep;");
  CHECK(*posix_io().read_link(now / "defaultbc") == "main.bc");
  undo_all(temp, "run1");
  CHECK_FALSE(*posix_io().exists(now));
  CHECK(test::read_text(old / "main.bc") == "bytecode");
  CHECK(test::read_text(old / "main.script") == "keep;");
  CHECK(*posix_io().read_link(old / "defaultbc") == "main.bc");
}

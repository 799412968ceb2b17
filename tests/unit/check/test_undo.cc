// A repair and its undo: every file as it was, bytes, mode and time; nothing touched where somebody else
// changed the mailbox since; interrupted at every change and finished.
#include <string>

#include "format/check/undo.h"
#include "tests/support/tree.h"
#include "tests/unit/check/killed_io.h"
#include "tests/unit/check/repair_bench.h"

using namespace cyr;
using test::Bench;

namespace {

// What a repair and its undo may leave different: lock files, the old versions themselves, the disposable
// cache of STATUS, and times of directories and numbers of links.
test::Tree files_of(const fs::path& root) {
  test::Tree tree = test::read_tree(root, {"run", "config/statuscache.db"});
  for (auto it = tree.begin(); it != tree.end();) {
    it->second.links = 0;
    const bool leave_out = it->first.find("undo.") != std::string::npos;
    if (it->second.kind == FileKind::directory) {
      it->second.mtime = 0;
      it->second.mtime_nsec = 0;
      it->second.size = 0;
    }
    it = leave_out ? tree.erase(it) : std::next(it);
  }
  return tree;
}

struct Undone {
  std::string by;
  std::vector<check::UndoSummary> summaries;
  std::optional<Error> error;
};

Undone undo(const Bench& bench, const std::string& id, const std::string& fresh, bool force = false,
            Io& io = posix_io()) {
  Undone out;
  auto store = store::Store::open(io, bench.temp.conf());
  REQUIRE_OK(store);
  auto opened = check::Undo::open(**store, id, fresh, {.force = force, .undo_directory = {}});
  if (!opened) {
    out.error = opened.error();
    return out;
  }
  out.by = (*opened)->by();
  store::SavedCopies saved(io, (*store)->saved_roots(), out.by, true);
  store::UserLocks locks;
  for (const auto& name : (*opened)->mailboxes()) {
    auto summary = (*opened)->undo(name, saved, locks);
    if (!summary) {
      out.error = summary.error();
      return out;
    }
    out.summaries.push_back(*summary);
  }
  if (auto finished = (*opened)->finish(saved); !finished) {
    out.error = finished.error();
  }
  return out;
}

}  // namespace

TEST_CASE("an undo brings every file back, and can be undone itself", "[undo]") {
  const auto [store, target, damage] = GENERATE(table<std::string, std::string, std::string>({
      {"default", "user_bovik", "header-deleted"},
      {"default", "user_bovik", "index-deleted"},
      {"classic", "user.bovik", "messages-changed"},
  }));
  CAPTURE(store, damage);
  Bench bench(store);
  bench.temp.damage(damage, target);
  const auto damaged = files_of(bench.temp.root());
  bench.run(target == "user_bovik" ? "user/bovik" : target);
  const auto repaired = files_of(bench.temp.root());
  CHECK_FALSE(test::tree_changes(damaged, repaired).empty());

  const auto dry = undo(bench, "run1", "dry", false, read_only_io());
  CHECK_FALSE(dry.error);
  CHECK(test::tree_changes(repaired, files_of(bench.temp.root())).empty());

  const auto back = undo(bench, "run1", "undo1");
  CHECK_FALSE(back.error);
  CHECK(back.by == "undo1");
  CHECK(test::tree_changes(damaged, files_of(bench.temp.root())) == std::vector<std::string>{});
  const auto again = undo(bench, "run1", "undo2");
  REQUIRE(again.error);
  CHECK(again.error->what == "run run1 was undone by undo1");

  CHECK_FALSE(undo(bench, "undo1", "undo3").error);
  CHECK(test::tree_changes(repaired, files_of(bench.temp.root())) == std::vector<std::string>{});
}

TEST_CASE("a mailbox that changed since is left alone, unless forced", "[undo]") {
  Bench bench("default");
  const auto where = bench.temp.target("user_bovik");
  const fs::path index = bench.temp / where.at("meta") / "cyrus.index";
  bench.temp.damage("index-header-bitflip", "user_bovik");
  const std::string damaged = test::read_text(index);
  bench.run("user/bovik");
  std::string text = test::read_text(index);
  test::write_text(index, text);  // another time is enough
  const auto refused = undo(bench, "run1", "undo1");
  REQUIRE(refused.summaries.size() == 1);
  CHECK_FALSE(refused.summaries.front().done);
  REQUIRE(refused.summaries.front().conflicts.size() == 1);
  CHECK(refused.summaries.front().conflicts.front().find("cyrus.index changed since") != std::string::npos);
  CHECK(test::read_text(index) == text);
  const auto forced = undo(bench, "run1", "undo2", true);
  CHECK(forced.summaries.front().done);
  CHECK(test::read_text(index) == damaged);
}

TEST_CASE("an undo that is killed at any change is finished by the next", "[undo]") {
  Bench bench("classic");
  bench.temp.damage("messages-changed", "user.bovik");
  const auto damaged = files_of(bench.temp.root());
  bench.run("user.bovik");
  const auto repaired = files_of(bench.temp.root());
  std::string id = "run1";
  int kills = 0;
  for (bool killed = true; killed; ++kills) {
    CAPTURE(kills);
    test::KilledIo io(posix_io(), kills * 8);
    const std::string fresh = "undo" + std::to_string(kills);
    const auto first = undo(bench, id, fresh, false, io);
    killed = io.was_killed();
    const auto second = undo(bench, id, fresh + "b");
    CHECK((!second.error || second.error->code == Errc::invalid));  // done, or it was already
    REQUIRE(test::tree_changes(damaged, files_of(bench.temp.root())) == std::vector<std::string>{});
    const std::string by = second.by.empty() ? first.by : second.by;
    CHECK_FALSE(undo(bench, by, fresh + "c").error);
    REQUIRE(test::tree_changes(repaired, files_of(bench.temp.root())) == std::vector<std::string>{});
    id = fresh + "c";  // which made the repaired state again
  }
  CHECK(kills > 3);
}

TEST_CASE("a hostile manifest leads nowhere", "[undo]") {
  Bench bench("classic");
  const fs::path spool = bench.temp / "spool/undo./20260101T000000Z-1";
  test::write_text(spool / "evil", "x");
  test::write_text(
      spool / "manifest.jsonl",
      "{\"action\":\"replaced\",\"path\":\"../config/"
      "mailboxes.db\",\"saved\":\"evil\",\"mailbox\":\"user.bovik\"}\n"
      "{\"action\":\"moved\",\"path\":\"user/bovik/9.\",\"saved\":\"../../../config/mailboxes.db\"}\n"
      "{\"action\":\"renamed\",\"path\":\"/etc/passwd\",\"to\":\"a\"}\nrubbish\n[1]\n");
  const auto before = files_of(bench.temp.root());
  (void)undo(bench, "20260101T000000Z-1", "undo1", true);
  CHECK(test::tree_changes(before, files_of(bench.temp.root())).empty());
  CHECK(undo(bench, "../evil", "undo1").error);
}

// The table of databases against real stores: each is found, and has the backend that its release's option or
// default says.
#include <boost/filesystem/operations.hpp>
#include <map>

#include "format/base/file.h"
#include "format/db/convert.h"
#include "format/store/database_upkeep.h"
#include "format/store/databases.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"
#include "tests/support/tree.h"

namespace cyr {
namespace {

struct Row {
  const char* store;
  conf::Release release;
};
const std::vector<Row> rows = {
    {"default", conf::v3_6}, {"old-2.4.22-default", conf::v2_4}, {"old-3.12.3-default", conf::v3_12}};

std::vector<store::DatabaseFile> databases_of(store::Store& store) {
  std::vector<store::DatabaseFile> out;
  REQUIRE_OK(
      store::each_database(store, store::DatabaseScope::everything, [&](const store::DatabaseFile& file) {
        out.push_back(file);
        return success();
      }));
  return out;
}

std::map<std::string, std::string> records_of(const fs::path& path, db::Kind kind) {
  std::map<std::string, std::string> out;
  const auto database = db::open(posix_io(), path, kind);
  REQUIRE_OK(database);
  REQUIRE_OK(
      (*database)->for_each("", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
        out.emplace(key, value);
        return db::Visit::go_on;
      }));
  return out;
}

db::ConvertOptions nothing_kept() {
  db::ConvertOptions options;
  options.keep_old = false;
  return options;
}

}  // namespace

TEST_CASE("the databases of real stores have the backends that their releases ask for", "[store]") {
  for (const Row& row : rows) {
    INFO(row.store);
    const test::TempStore files(row.store);
    const auto store =
        store::Store::open(read_only_io(), files.conf(), {.ident = {}, .release = row.release, .prefix = {}});
    REQUIRE_OK(store);
    std::map<std::string, int> roles;
    for (const store::DatabaseFile& file : databases_of(**store)) {
      INFO(file.path.string());
      ++roles[std::string(file.role)];
      CHECK(file.wanted_kind.has_value());
      CHECK((file.empty || file.kind == file.wanted_kind));
    }
    CHECK(roles["mailboxes"] == 1);
    CHECK(roles["quotas"] == 1);
    CHECK(roles["subscriptions"] > 1);
    CHECK(roles["seen state"] > 1);
  }
}

TEST_CASE("upkeep: stamp, conversion with a copy before, two generations of backups", "[store]") {
  const test::TempStore files("default");
  const fs::path conf = files / "config";
  const fs::path list = conf / "mailboxes.db";
  const auto records = records_of(list, db::Kind::twoskip);
  REQUIRE_OK(db::convert(posix_io(), list, db::Kind::twoskip, list, db::Kind::skiplist, nothing_kept()));
  fs::remove_all(conf / "db");
  const auto store = store::Store::open(posix_io(), files.conf());
  REQUIRE_OK(store);
  std::map<std::string_view, int> events;
  const store::UpkeepReport report = [&](const store::Upkeep& done) { ++events[store::name_of(done.what)]; };

  REQUIRE_OK(store::recover_databases(**store, true, 0x01020304, report));
  CHECK(test::read_text(conf / "db/skipstamp") == "\x01\x02\x03\x04");
  CHECK(records_of(list, db::Kind::twoskip) == records);
  CHECK(records_of(conf / "db.upgrade1/mailboxes.db", db::Kind::skiplist) == records);
  CHECK(events["converted"] == 1);
  CHECK(events["unsound"] + events["failed"] == 0);

  // A clean shutdown: the stamp stays, the mark goes. There is nothing left to convert.
  REQUIRE_OK(replace_file(posix_io(), conf / "db/skipcleanshutdown", {}));
  REQUIRE_OK(store::recover_databases(**store, true, 5, report));
  CHECK(test::read_text(conf / "db/skipstamp") == "\x01\x02\x03\x04");
  CHECK(!fs::exists(conf / "db/skipcleanshutdown"));
  CHECK(events["converted"] == 1);
  CHECK(!fs::exists(conf / "db.upgrade2"));

  REQUIRE_OK(store::checkpoint_databases(**store, report));
  const auto database = db::open(posix_io(), list, db::Kind::twoskip);
  REQUIRE_OK(database);
  REQUIRE_OK((*database)->put("later", "%(T e)"));
  REQUIRE_OK(store::checkpoint_databases(**store, report));
  CHECK(records_of(conf / "db.backup2/mailboxes.db", db::Kind::twoskip) == records);
  CHECK(records_of(conf / "db.backup1/mailboxes.db", db::Kind::twoskip).contains("later"));
  CHECK(!records_of(conf / "db.backup1/quotas.flat", db::Kind::flat).empty());
  CHECK(!fs::exists(conf / "db.backup.NEW"));
}

TEST_CASE("upkeep: a dry run changes nothing", "[store]") {
  const test::TempStore files("default");
  const fs::path list = files / "config/mailboxes.db";
  REQUIRE_OK(db::convert(posix_io(), list, db::Kind::twoskip, list, db::Kind::skiplist, nothing_kept()));
  const test::Tree before = test::read_tree(files.root());
  const auto store = store::Store::open(read_only_io(), files.conf());
  REQUIRE_OK(store);
  int converted = 0;
  REQUIRE_OK(store::recover_databases(**store, true, 1, [&](const store::Upkeep& done) {
    converted += done.what == store::Upkeep::What::converted ? 1 : 0;
  }));
  CHECK(converted == 1);
  CHECK(test::tree_changes(before, test::read_tree(files.root())).empty());
}

}  // namespace cyr

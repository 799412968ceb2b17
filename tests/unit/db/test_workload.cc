// Every backend against std::map, from one process and from several at once.
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/db/random_workload.h"

namespace cyr {
namespace {

fs::path path_for(const test::TempDir& dir, db::Kind kind) {
  return kind == db::Kind::quotalegacy ? dir / "conf/quota" : dir / "conf/test.db";
}

// All that can be written; Berkeley as a file without an environment.
const std::vector<db::Kind> all_kinds = {db::Kind::flat,     db::Kind::skiplist,     db::Kind::twoskip,
                                         db::Kind::twom,     db::Kind::sql,          db::Kind::quotalegacy,
                                         db::Kind::berkeley, db::Kind::berkeley_hash};

}  // namespace

TEST_CASE("random operations agree with std::map", "[db]") {
  for (const db::Kind kind : all_kinds) {
    const bool slow = kind == db::Kind::quotalegacy || kind == db::Kind::sql || kind == db::Kind::berkeley ||
                      kind == db::Kind::berkeley_hash;
    for (unsigned seed = 1; seed <= (slow ? 1U : 4U); ++seed) {
      INFO(db::name_of(kind) << ", seed " << seed);
      const test::TempDir dir;
      test::Workload workload(posix_io(), path_for(dir, kind), kind, seed);
      for (unsigned i = 0; i < (slow ? 100U : 250U); ++i) {
        workload.step();
        if (i % 50 == 49) {
          workload.compare_all();
        }
      }
      workload.reopen();
      workload.compare_all();
      workload.compare_lookups(200);
    }
  }
}

// scripts/db-workload, which runs them side by side; not in the normal tests.
namespace {

void long_workload(db::Kind kind, std::optional<db::Order> order = {}) {
  test::keep_temporary_files_in_memory();
  const test::TempDir dir;
  test::Workload workload(posix_io(), path_for(dir, kind), kind, 1,
                          {.order = order, .largest = 1U << 20U, .listings = 100});
  constexpr unsigned operations = 100000;
  for (unsigned i = 0; i < operations; ++i) {
    workload.step();
    if (i % 5000 == 4999) {
      workload.compare_all();
    }
  }
  workload.reopen();
  workload.compare_all();
  workload.compare_lookups(kind == db::Kind::quotalegacy ? 100 : 2000);
}

}  // namespace

TEST_CASE("100,000 random operations: flat", "[.long]") { long_workload(db::Kind::flat); }
TEST_CASE("100,000 random operations: skiplist", "[.long]") { long_workload(db::Kind::skiplist); }
TEST_CASE("100,000 random operations: skiplist, raw order", "[.long]") {
  long_workload(db::Kind::skiplist, db::Order::raw);
}
TEST_CASE("100,000 random operations: skiplist, mbox order", "[.long]") {
  long_workload(db::Kind::skiplist, db::Order::mbox);
}
TEST_CASE("100,000 random operations: twoskip", "[.long]") { long_workload(db::Kind::twoskip); }
TEST_CASE("100,000 random operations: twoskip, mbox order", "[.long]") {
  long_workload(db::Kind::twoskip, db::Order::mbox);
}
TEST_CASE("100,000 random operations: twom", "[.long]") { long_workload(db::Kind::twom); }
TEST_CASE("100,000 random operations: berkeley", "[.long]") { long_workload(db::Kind::berkeley); }
TEST_CASE("100,000 random operations: berkeley, mbox order", "[.long]") {
  long_workload(db::Kind::berkeley, db::Order::mbox);
}
TEST_CASE("100,000 random operations: berkeley-hash", "[.long]") { long_workload(db::Kind::berkeley_hash); }
TEST_CASE("100,000 random operations: sql", "[.long]") { long_workload(db::Kind::sql); }
TEST_CASE("100,000 random operations: quotalegacy", "[.long]") { long_workload(db::Kind::quotalegacy); }

TEST_CASE("a visitor may change records in its transaction, but not outside of one", "[db]") {
  for (const db::Kind kind : all_kinds) {
    INFO(db::name_of(kind));
    const test::TempDir dir;
    auto opened = db::open(posix_io(), path_for(dir, kind), kind, {.create = true});
    REQUIRE_OK(opened);
    db::Database& database = **opened;
    for (int i = 0; i < 50; ++i) {
      REQUIRE_OK(database.put("user.a" + std::to_string(i), "1 2"));
    }
    {
      auto transaction = database.begin();
      REQUIRE_OK(transaction);
      int visited = 0;
      REQUIRE_OK(
          (*transaction)->for_each("user.", [&](std::string_view key, std::string_view) -> Result<db::Visit> {
            CYR_CHECK((*transaction)->put(key, "3 4 " + std::string(key)));
            ++visited;
            return db::Visit::go_on;
          }));
      CHECK(visited == 50);
      REQUIRE_OK((*transaction)->commit());
    }
    CHECK(database.get("user.a7").value() == "3 4 user.a7");
    if (kind != db::Kind::quotalegacy) {
      bool refused = false;
      REQUIRE_OK(database.for_each("", [&](std::string_view key, std::string_view) -> Result<db::Visit> {
        refused = database.get(key).has_value() && !database.put(key, "x").has_value();
        return db::Visit::stop;
      }));
      CHECK(refused);
    }
  }
}

TEST_CASE("several processes lose nothing", "[db]") {
  constexpr int processes = 4;
  constexpr int rounds = 25;
  for (const db::Kind kind : all_kinds) {
    INFO(db::name_of(kind));
    const test::TempDir dir;
    const fs::path path = path_for(dir, kind);
    REQUIRE_OK(db::open(posix_io(), path, kind, {.create = true}));
    std::vector<pid_t> children;
    for (int child = 0; child < processes; ++child) {
      const pid_t pid = ::fork();
      if (pid == 0) {
        bool good = true;
        auto database = db::open(posix_io(), path, kind);
        for (int i = 0; good && database && i < rounds; ++i) {
          auto transaction = (*database)->begin();
          good = transaction.has_value();
          if (!good) {
            break;
          }
          // A counter that all processes share, and a key of their own, in one transaction.
          const auto count = (*transaction)->get("user.count");
          const int next = count && *count ? std::stoi(**count) + 1 : 1;
          good = count.has_value() && (*transaction)->put("user.count", std::to_string(next) + " 0") &&
                 (*transaction)->put("user.p" + std::to_string(child) + "n" + std::to_string(i), "1 1") &&
                 (*transaction)->commit();
        }
        ::_exit(database && good ? 0 : 1);
      }
      children.push_back(pid);
    }
    for (const pid_t child : children) {
      int status = 1;
      ::waitpid(child, &status, 0);
      CHECK(status == 0);
    }
    auto database = db::open(posix_io(), path, kind);
    REQUIRE_OK(database);
    REQUIRE_OK((*database)->consistent());
    CHECK(test::records_of(**database, "user.p").size() == processes * rounds);
    CHECK(std::stoi((*database)->get("user.count").value().value()) == processes * rounds);
  }
}

}  // namespace cyr

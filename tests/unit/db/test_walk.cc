// for_each() beside writers: they do not wait for it, and it neither misses nor repeats what they leave
// alone.
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/filesystem/operations.hpp>
#include <set>

#include "tests/unit/db/random_workload.h"

namespace cyr {
namespace {

constexpr int records = 1200;  // several times what is read under one lock

std::string key_of(int number) { return "user.k" + std::to_string(10000 + number); }

// `work` in another process, on a Database of its own; false when it fails or takes longer than `longest`.
bool elsewhere(const fs::path& path, db::Kind kind, const std::function<Status(db::Database&)>& work,
               ::timeval longest = {20, 0}) {
  const pid_t child = ::fork();
  if (child == 0) {
    const ::itimerval timer{{}, longest};
    ::setitimer(ITIMER_REAL, &timer, nullptr);
    bool good = false;
    {
      auto database = db::open(posix_io(), path, kind);
      good = database && work(**database);
    }
    ::_exit(good ? 0 : 1);
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  return status == 0;
}

std::unique_ptr<db::Database> filled(const fs::path& path, db::Kind kind, std::optional<db::Order> order) {
  auto opened = db::open(posix_io(), path, kind, {.create = true, .order = order});
  REQUIRE_OK(opened);
  auto transaction = (*opened)->begin();
  REQUIRE_OK(transaction);
  for (int i = 0; i < records; ++i) {
    REQUIRE_OK((*transaction)->put(key_of(i), "old"));
  }
  // Between mbox order and the others: '.' before '-' or behind it.
  REQUIRE_OK((*transaction)->put("user-", "x"));
  REQUIRE_OK((*transaction)->commit());
  return std::move(*opened);
}

// What a walk sees when others change the file at its 300th record.
test::Records walk_beside(const fs::path& path, db::Kind kind, db::Database& database,
                          const std::function<Status(db::Database&)>& work) {
  test::Records seen;
  REQUIRE_OK(database.for_each("", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
    seen.emplace_back(key, value);
    if (seen.size() == 300) {
      CHECK(elsewhere(path, kind, work));
    }
    return db::Visit::go_on;
  }));
  return seen;
}

struct Row {
  db::Kind kind;
  std::optional<db::Order> order;
};
const std::vector<Row> in_place = {{db::Kind::skiplist, {}},
                                   {db::Kind::skiplist, db::Order::mbox},
                                   {db::Kind::twoskip, {}},
                                   {db::Kind::twoskip, db::Order::mbox},
                                   {db::Kind::twom, {}}};

}  // namespace

TEST_CASE("a walk lets writers in, and goes on behind its last key", "[db]") {
  const std::vector<std::function<Status(db::Database&)>> works = {
      [](db::Database& database) -> Status {  // the place where the walk is, and what comes after it
        CYR_TRY(const auto transaction, database.begin());
        for (int i = 200; i < 320; ++i) {
          CYR_CHECK(transaction->erase(key_of(i)));
        }
        CYR_CHECK(transaction->put(key_of(records), "new"));
        CYR_CHECK(transaction->put("a", "new"));
        return transaction->commit();
      },
      [](db::Database& database) -> Status {
        CYR_CHECK(database.put(key_of(records), "new"));
        return database.repack();  // another file
      },
  };
  for (const Row& row : in_place) {
    for (std::size_t work = 0; work < works.size(); ++work) {
      INFO(db::name_of(row.kind) << ", work " << work);
      const test::TempDir dir;
      const fs::path path = dir / "test.db";
      const auto database = filled(path, row.kind, row.order);
      const test::Records seen = walk_beside(path, row.kind, *database, works[work]);
      std::set<std::string> keys;
      for (const auto& [key, value] : seen) {
        CHECK(keys.insert(key).second);
      }
      int missed = 0;
      for (int i = 0; i < records; ++i) {
        missed += (i < 200 || i >= 320) && keys.count(key_of(i)) == 0 ? 1 : 0;
      }
      CHECK(missed == 0);
      CHECK(keys.count(key_of(records)) == 1);  // committed before the walk came there
      CHECK(keys.count("user-") == 1);
      CHECK(keys.count("a") == 0);
      CHECK(database->get("a").value() == (work == 0 ? std::optional<std::string>("new") : std::nullopt));
    }
  }
}

TEST_CASE("a held database stays as it is, and only as long", "[db]") {
  for (const Row& row : in_place) {
    INFO(db::name_of(row.kind));
    const test::TempDir dir;
    const fs::path path = dir / "test.db";
    const auto database = filled(path, row.kind, row.order);
    const auto put = [](db::Database& other) { return other.put("b", "x"); };
    {
      const auto hold = database->hold();
      REQUIRE_OK(hold);
      CHECK(test::records_of(*database).size() == records + 1);
      CHECK_FALSE(elsewhere(path, row.kind, put, {0, 200000}));
      CHECK_FALSE(database->begin().has_value());
    }
    CHECK(elsewhere(path, row.kind, put));
    CHECK(database->get("b").value() == "x");
  }
}

TEST_CASE("twoskip and twom are repacked when the program is done with them", "[db]") {
  for (const db::Kind kind : {db::Kind::skiplist, db::Kind::twoskip, db::Kind::twom}) {
    INFO(db::name_of(kind));
    const test::TempDir dir;
    const fs::path path = dir / "test.db";
    const std::string value(3000, 'v');
    {
      auto opened = db::open(posix_io(), path, kind, {.create = true});
      REQUIRE_OK(opened);
      for (int i = 0; i < 20; ++i) {
        REQUIRE_OK((*opened)->put("key", value + std::to_string(i)));
      }
      const bool put_off = fs::file_size(path) > 20 * value.size();
      CHECK(put_off == (kind != db::Kind::skiplist));
    }
    CHECK(fs::file_size(path) < 7 * value.size());
    auto opened = db::open(posix_io(), path, kind);
    REQUIRE_OK(opened);
    CHECK((*opened)->get("key").value() == value + "19");
    REQUIRE_OK((*opened)->consistent());
  }
}

}  // namespace cyr

// Programs that died in a Berkeley environment while they held a lock: ours is not to wait for them for ever.
#include <db.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "tests/unit/db/random_workload.h"

namespace cyr {
namespace {

constexpr auto stuck_after = std::chrono::seconds(2);

struct Place {
  fs::path file;
  db::OpenOptions options;
};

Result<std::unique_ptr<db::Database>> open(const Place& place) {
  return db::open(posix_io(), place.file, db::Kind::berkeley, place.options);
}

void in_a_child(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    ::_exit(0);
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  REQUIRE(status == 0);
}

// In the middle of a transaction: the page that it changed stays locked in the lock table.
void die_in_a_transaction(const Place& place) {
  auto database = open(place);
  auto transaction = (*database)->begin();
  ::_exit((*transaction)->put("key1", "lost") ? 0 : 1);
}

// While it changes page 1: the mutex of that page in the cache stays locked.
void die_with_a_page(const Place& place) {
  DB_ENV* env = nullptr;
  DB* db = nullptr;
  void* page = nullptr;
  db_pgno_t one = 1;
  bool good = ::db_env_create(&env, 0) == 0 &&
              env->open(env, place.options.environment->c_str(),
                        DB_INIT_LOCK | DB_INIT_LOG | DB_INIT_MPOOL | DB_INIT_TXN, 0) == 0 &&
              ::db_create(&db, env, 0) == 0 &&
              db->open(db, nullptr, place.file.c_str(), nullptr, DB_UNKNOWN, DB_AUTO_COMMIT, 0) == 0;
  DB_MPOOLFILE* const pages = good ? db->get_mpf(db) : nullptr;
  good = good && pages->get(pages, &one, nullptr, DB_MPOOL_DIRTY, &page) == 0;
  ::_exit(good ? 0 : 1);
}

}  // namespace

TEST_CASE("a program that died in an environment does not stop a writer for ever", "[db][berkeley]") {
  for (const auto die : {die_in_a_transaction, die_with_a_page}) {
    INFO((die == die_with_a_page ? "with a page" : "in a transaction"));
    const test::TempDir dir;
    Place place{dir / "mailboxes.db", {}};
    place.options.create = true;
    place.options.environment = dir / "db";
    place.options.patience = stuck_after;
    {
      auto database = open(place);
      REQUIRE_OK(database);
      for (int i = 0; i < 5; ++i) {
        REQUIRE_OK((*database)->put("key" + std::to_string(i), "value"));
      }
    }
    in_a_child([&] { die(place); });

    const auto start = std::chrono::steady_clock::now();
    auto database = open(place);
    REQUIRE_OK(database);
    const Status put = (*database)->put("key1", "new");
    CHECK(std::chrono::steady_clock::now() - start < 20 * stuck_after);
    REQUIRE(!put);
    INFO(put.error().text());
    CHECK(put.error().code == Errc::locked);
    CHECK(put.error().path == place.file);
    CHECK(!put.error().hint.empty());
    CHECK((*database)->get("key1").value() == "value");
    CHECK(test::records_of(**database).size() == 5);
  }
}

}  // namespace cyr

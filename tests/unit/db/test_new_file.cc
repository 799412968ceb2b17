// Databases that are made at once are those that a transaction makes.
#include <algorithm>

#include "format/db/new_file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/db/random_workload.h"

namespace cyr {
namespace {

constexpr db::Kind kKinds[] = {db::Kind::flat, db::Kind::skiplist, db::Kind::twoskip,
                               db::Kind::twom, db::Kind::sql,      db::Kind::berkeley};

std::map<std::string, std::string> some_records() {
  std::map<std::string, std::string> records{{"user.a b", "1"}, {"user.a.b", "2"}};
  for (int i = 0; i < 500; ++i) {
    records["user.u" + std::to_string(i * 7919 % 1000) + (i % 3 == 0 ? " x" : ".x")] =
        std::string(i % 90, 'v');
  }
  return records;
}

}  // namespace

TEST_CASE("a new file of every kind has its records, is sound, and takes more", "[db]") {
  const test::TempDir dir;
  const auto records = some_records();
  for (const db::Kind kind : kKinds) {
    CAPTURE(db::name_of(kind));
    const fs::path path = dir.path() / std::string(db::name_of(kind));
    REQUIRE_OK(db::write_new_file(posix_io(), path, kind, records, {.create = true}));
    auto database = db::open(posix_io(), path, kind, {});
    REQUIRE_OK(database);
    REQUIRE_OK((*database)->consistent());
    auto there = test::records_of(**database);
    std::sort(there.begin(), there.end());
    CHECK(
        std::equal(there.begin(), there.end(), records.begin(), records.end(),
                   [](const auto& a, const auto& b) { return a.first == b.first && a.second == b.second; }));
    auto change = (*database)->begin();
    REQUIRE_OK(change);
    REQUIRE_OK((*change)->put("user.zz", "late"));
    REQUIRE_OK((*change)->commit());
    CHECK((*database)->get("user.zz").value() == "late");
  }
}

TEST_CASE("a new file has the order that it is asked for, and replaces nothing", "[db]") {
  const test::TempDir dir;
  const auto records = some_records();
  for (const db::Kind kind : {db::Kind::flat, db::Kind::skiplist, db::Kind::twoskip}) {
    CAPTURE(db::name_of(kind));
    const fs::path path = dir.path() / std::string(db::name_of(kind));
    const db::OpenOptions options{.create = true, .order = db::Order::mbox};
    REQUIRE_OK(db::write_new_file(posix_io(), path, kind, records, options));
    auto database = db::open(posix_io(), path, kind, {});
    REQUIRE_OK(database);
    CHECK((*database)->order().value() == (kind == db::Kind::flat ? db::Order::flat : db::Order::mbox));
    CHECK((*database)->get("user.u0 x").value() == records.at("user.u0 x"));
    const auto again = db::write_new_file(posix_io(), path, kind, {}, options);
    REQUIRE_FALSE(again);
    CHECK(again.error().code == Errc::exists);
  }
}

}  // namespace cyr

// zeroskip directories and LMDB files are read and converted from (tests/data/other-databases.md).
#include <boost/filesystem/operations.hpp>

#include "format/db/convert.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"
#include "tests/unit/db/database_files.h"

namespace cyr {
namespace {

test::Records expected_zeroskip() {
  return {{"apple", "1"}, {"mango", "2"}, {"plum", std::string("new\0value", 9)}};
}

}  // namespace

TEST_CASE("zeroskip directories of both layouts are read", "[db][zeroskip]") {
  const test::TempDir dir;
  test::unpack_archive(test::data_file("zeroskip.tar.zst"), dir.path());
  const fs::path path = dir / "zeroskip/new";
  CHECK(db::detect(read_only_io(), path).value() == db::Kind::zeroskip);
  {
    const auto database = db::open(read_only_io(), path, db::Kind::zeroskip);
    REQUIRE_OK(database);
    CHECK(test::records_of(**database) == expected_zeroskip());
    CHECK((*database)->get("mango").value() == "2");
    CHECK(!(*database)->get("uncommitted").value());
    CHECK((*database)->next("apple").value()->first == "mango");
    CHECK((*database)->begin().error().code == Errc::unsupported);
  }
  const auto old = db::open(read_only_io(), dir / "zeroskip/old", db::Kind::zeroskip);
  REQUIRE_OK(old);
  CHECK(test::records_of(**old) == test::Records{{"a", "e"}, {"c", "d"}});

  const auto done = db::convert(posix_io(), path, {}, dir / "new.db", db::Kind::twoskip);
  REQUIRE_OK(done);
  CHECK(!done->caution.empty());
  CHECK(test::records_of(**db::open(posix_io(), dir / "new.db", db::Kind::twoskip)) == expected_zeroskip());
  CHECK(
      db::convert(posix_io(), dir / "new.db", {}, dir / "zeroskip/third", db::Kind::zeroskip).error().code ==
      Errc::unsupported);
}

TEST_CASE("a zeroskip directory with a damaged file is refused", "[db][zeroskip]") {
  const test::TempDir dir;
  test::unpack_archive(test::data_file("zeroskip.tar.zst"), dir.path());
  const fs::path path = dir / "zeroskip/new";
  const std::string uuid = "zeroskip-a72b33d3-e184-4c0e-a082-5619ad4906a0-";
  fs::resize_file(path / (uuid + "3"), 500);
  CHECK(db::open(posix_io(), path, db::Kind::zeroskip).error().code == Errc::corrupt);
  fs::resize_file(path / ".zsdb", 60);
  CHECK(db::open(posix_io(), path, db::Kind::zeroskip).error().code == Errc::corrupt);
}

TEST_CASE("LMDB files read as the library lists them", "[db][golden][lmdb]") {
  const test::TempDir dir;
  test::unpack_archive(test::data_file("lmdb.tar.zst"), dir.path());
  for (const std::string name : {"few", "many", "empty"}) {
    INFO(name);
    const fs::path path = dir / "lmdb" / name;
    CHECK(db::detect(read_only_io(), path).value() == db::Kind::lmdb);
    const auto database = db::open(read_only_io(), path, db::Kind::lmdb);
    REQUIRE_OK(database);
    std::string listing;
    for (const auto& [key, value] : test::records_of(**database)) {
      listing += test::hex(key) + " " + test::hex(value) + "\n";
      REQUIRE((*database)->get(key).value() == value);
    }
    CHECK(listing == test::read_text(dir / "lmdb" / (name + ".show")));
    REQUIRE_OK(db::convert(posix_io(), path, {}, dir / (name + ".twom"), db::Kind::twom));
  }
  fs::resize_file(dir / "lmdb/many", 40000);
  CHECK(db::open(posix_io(), dir / "lmdb/many", db::Kind::lmdb).error().code == Errc::corrupt);
}

}  // namespace cyr

// Old versions: kept before the change, as hard links or copies, with a manifest; nothing is made before the
// first one.
#include <string>

#include "format/base/file.h"
#include "format/store/saved_copies.h"
#include "tests/support/check.h"
#include "tests/support/temp_dir.h"
#include "tests/support/temp_store.h"

using namespace cyr;

namespace {

void write(const fs::path& path, std::string_view text) {
  REQUIRE_OK(posix_io().make_directories(path.parent_path(), 0700));
  REQUIRE_OK(replace_file(posix_io(), path, as_bytes(text)));
}

}  // namespace

TEST_CASE("ids are the time in UTC and the process", "[saved]") {
  CHECK(store::new_saved_id(1795631701, 42) == "20261125T183501Z-42");
}

TEST_CASE("nothing is made before something is kept", "[saved]") {
  const test::TempDir dir;
  store::SavedCopies saved(posix_io(), {dir.path()}, "id", true);
  REQUIRE_OK(saved.before_replace(dir / "not-there", {"", "test"}));
  CHECK_FALSE(*posix_io().exists(dir / "undo."));
  CHECK(saved.directories().empty());
}

TEST_CASE("a replaced file is a hard link, a changed one a copy", "[saved]") {
  const test::TempDir dir;
  write(dir / "spool/user/a/cyrus.index", "old");
  store::SavedCopies saved(posix_io(), {dir / "spool", dir.path()}, "id", true);
  const fs::path file = dir / "spool/user/a/cyrus.index";
  const fs::path kept = dir / "spool/undo./id/user/a/cyrus.index";
  REQUIRE_OK(saved.before_replace(file, {"user.a", "test"}));
  CHECK(posix_io().stat(kept)->same_file(*posix_io().stat(file)));
  REQUIRE_OK(saved.before_change(file, {"user.a", "test"}));
  CHECK_FALSE(posix_io().stat(kept.native() + "~2")->same_file(*posix_io().stat(file)));
  CHECK(test::read_text(kept.native() + "~2") == "old");
  const std::string manifest = test::read_text(dir / "spool/undo./id/manifest.jsonl");
  CHECK(manifest.find("\"action\":\"replaced\",\"path\":\"user/a/cyrus.index\"") != std::string::npos);
  CHECK(manifest.find("\"saved\":\"user/a/cyrus.index~2\"") != std::string::npos);
}

TEST_CASE("a file is copied once, however often it changes", "[saved]") {
  const test::TempDir dir;
  write(dir / "mailboxes.db", "first");
  store::SavedCopies saved(posix_io(), {dir.path()}, "id", true);
  REQUIRE_OK(saved.before_change(dir / "mailboxes.db", {"", "test"}));
  write(dir / "mailboxes.db", "second");
  REQUIRE_OK(saved.before_change(dir / "mailboxes.db", {"", "test"}));
  CHECK(test::read_text(dir / "undo./id/mailboxes.db") == "first");
  CHECK_FALSE(*posix_io().exists(dir / "undo./id/mailboxes.db~2"));
}

TEST_CASE("quarantine moves the file itself, also with --no-keep", "[saved]") {
  const test::TempDir dir;
  write(dir / "user/a/7.", "torn");
  store::SavedCopies saved(posix_io(), {dir.path()}, "id", false);
  REQUIRE_OK(saved.before_remove(dir / "user/a/7.", {"user.a", "test"}));
  CHECK_FALSE(*posix_io().exists(dir / "undo."));
  const auto place = saved.move_aside(dir / "user/a/7.", {"user.a", "message_empty"});
  REQUIRE_OK(place);
  CHECK(*place == dir / "undo./id/user/a/7.");
  CHECK_FALSE(*posix_io().exists(dir / "user/a/7."));
  CHECK(test::read_text(*place) == "torn");
}

TEST_CASE("runs are listed with what they kept", "[saved]") {
  const test::TempDir dir;
  write(dir / "a", "12345");
  write(dir / "b", "123");
  store::SavedCopies saved(posix_io(), {dir.path()}, "id", true);
  REQUIRE_OK(saved.before_replace(dir / "a", {"", "test"}));
  REQUIRE_OK(saved.before_remove(dir / "b", {"", "test"}));
  REQUIRE_OK(saved.before_create(dir / "c", {"", "test"}));
  const auto runs = store::list_saved(posix_io(), {dir.path()});
  REQUIRE_OK(runs);
  REQUIRE(runs->size() == 1);
  CHECK(runs->front().id == "id");
  CHECK(runs->front().files == 2);
  CHECK(runs->front().bytes == 8);
}

TEST_CASE("a file below no root is refused", "[saved]") {
  const test::TempDir dir;
  const test::TempDir other;
  write(other / "a", "x");
  store::SavedCopies saved(posix_io(), {dir.path()}, "id", true);
  CHECK_FALSE(saved.before_replace(other / "a", {"", "test"}));
}

// A whole store copied: everything of the original and nothing changed in it; interrupted at every change,
// and gone on with.
#include "format/store/store.h"
#include "format/store/store_copy.h"
#include "tests/support/check.h"
#include "tests/support/temp_dir.h"
#include "tests/support/temp_store.h"
#include "tests/support/tree.h"
#include "tests/unit/check/killed_io.h"

using namespace cyr;

namespace {

// Has no more room than it is told.
class FullIo final : public ForwardIo {
 public:
  explicit FullIo(Io& inner) : ForwardIo(inner) {}
  Result<Space> space(const fs::path& /*path*/) override { return Space{1000, 100000}; }
};

conf::Config config_of(const fs::path& file) {
  auto config = conf::Config::load(posix_io(), file, {.ident = "reconstruct", .prefix = {}});
  REQUIRE_OK(config);
  return std::move(*config);
}

Result<store::CopyTotals> copy_store(const conf::Config& config, const fs::path& top,
                                     Io& target = posix_io()) {
  CYR_TRY(auto copy, store::StoreCopy::open(read_only_io(), target, conf::store_places(config), top));
  CYR_TRY(auto totals, copy.copy({}));
  CYR_CHECK(copy.finish(conf::relocated_text(config, top)));
  return totals;
}

// Between the tree below a place of the store and the copy's. Symbolic links have the time of the copy.
std::vector<std::string> differences(const fs::path& place, const fs::path& top) {
  auto out = test::tree_changes(test::read_tree(place), test::read_tree(top.native() + place.native()));
  std::erase_if(out, [](const auto& line) { return line.find("/defaultbc: mtime") != std::string::npos; });
  return out;
}

// Two partitions and a sievedir with what is hard to copy.
fs::path small_store(const test::TempDir& dir) {
  test::write_text(
      dir / "imapd.conf",
      "configdirectory: " + (dir / "c").native() + "\npartition-default: " + (dir / "s").native() +
          "\npartition-two: " + (dir / "c/two/").native() + "\nsievedir: " + (dir / "v").native() +
          "\nquota_db_path: " + (dir / "elsewhere/quotas.db").native() + "\nimap_idlesocket: " +
          (dir / "run/idle").native() + "\nlmtpsocket: {configdirectory}/socket/lmtp\n");
  test::write_text(dir / "c/mailboxes.db", "list");
  test::write_text(dir / "c/lock/user/a.lock", "");
  test::write_text(dir / "c/two/user/b/1.", "message in two mailboxes");
  test::write_text(dir / "c/two/undo./id/manifest.jsonl", "{}");
  test::write_text(dir / "s/user/a/cyrus.index", "index");
  test::write_text(dir / "s/user/a/empty", "");
  test::write_text(dir / "v/a/adam/script.bc", "bytecode");
  test::write_text(dir / "elsewhere/quotas.db", "quotas");
  test::write_text(dir / "other-disk/user/moved/1.", "behind a link");
  Io& io = posix_io();
  REQUIRE_OK(io.link(dir / "c/two/user/b/1.", dir / "s/user/a/1."));
  REQUIRE_OK(io.symlink("script.bc", dir / "v/a/adam/defaultbc"));
  REQUIRE_OK(io.symlink((dir / "other-disk/user/moved").native(), dir / "s/user/moved"));
  REQUIRE_OK(io.symlink((dir / "s/user").native(), dir / "s/user/loop"));
  REQUIRE_OK(io.symlink("/nowhere/at/all", dir / "s/user/dangling"));
  REQUIRE_OK(io.set_mtime(dir / "s/user/a/cyrus.index", 1000000000, 123456789));
  REQUIRE_OK(io.set_mode(dir / "s/user/a/cyrus.index", 0640));
  return dir / "imapd.conf";
}

void check_small_copy(const test::TempDir& dir, const fs::path& top) {
  const fs::path root = top.native() + dir.path().native();
  CHECK(test::read_text(root / "s/user/a/cyrus.index") == "index");
  const auto index = posix_io().lstat(root / "s/user/a/cyrus.index");
  REQUIRE_OK(index);
  CHECK(index->mode == 0640);
  CHECK(index->mtime == 1000000000);
  CHECK(index->mtime_nsec == 123456789);
  const auto one = posix_io().lstat(root / "c/two/user/b/1."), other = posix_io().lstat(root / "s/user/a/1.");
  REQUIRE_OK(one);
  REQUIRE_OK(other);
  CHECK(one->same_file(*other));
  CHECK(*posix_io().read_link(root / "v/a/adam/defaultbc") == "script.bc");
  CHECK(test::read_text(root / "elsewhere/quotas.db") == "quotas");
  const auto moved = posix_io().lstat(root / "s/user/moved");
  REQUIRE_OK(moved);
  CHECK(moved->kind == FileKind::directory);
  CHECK(test::read_text(root / "s/user/moved/1.") == "behind a link");
  for (const char* absent : {"s/user/loop", "s/user/dangling", "c/two/undo.", "c/lock/user"}) {
    CHECK_FALSE(*posix_io().exists(root / absent));
  }
  CHECK(*posix_io().exists(root / "c/lock"));
}

}  // namespace

TEST_CASE("a copy has everything of the store", "[store_copy]") {
  const std::string name = GENERATE("modern", "virt", "old-2.3.20-classic");
  const test::TempStore temp(name);
  const test::TempDir dir;
  const auto before = test::read_tree(temp.root());
  const auto config = config_of(temp.conf());
  auto copy = store::StoreCopy::open(read_only_io(), posix_io(), conf::store_places(config), dir / "copy");
  REQUIRE_OK(copy);
  const auto needs = copy->look();
  REQUIRE_OK(needs);
  CHECK(needs->there == 0);
  CHECK(needs->metadata < needs->bytes);
  CHECK_FALSE(*posix_io().exists(dir / "copy"));
  const auto totals = copy_store(config, dir / "copy");
  REQUIRE_OK(totals);
  CHECK(totals->files == needs->files);
  CHECK(totals->notes.empty());
  for (const auto& place : conf::store_places(config).directories) {
    CHECK(differences(place, dir / "copy") == std::vector<std::string>());
  }
  CHECK(test::tree_changes(before, test::read_tree(temp.root())).empty());
  // Nothing of its configuration leads to the original but what is none of the store.
  const auto moved = config_of(dir / "copy/imapd.conf");
  for (const auto& [option, value] : moved.lines()) {
    const bool elsewhere = value.starts_with("/") && !value.starts_with((dir / "copy").native());
    CHECK((!elsewhere || option == "sasl_sasldb_path"));
  }
  const auto store = store::Store::open(posix_io(), dir / "copy/imapd.conf");
  REQUIRE_OK(store);
  CHECK((*store)->mailbox_list());
}

TEST_CASE("links, modes, times, and what is not copied", "[store_copy]") {
  const test::TempDir dir, target;
  const auto config = config_of(small_store(dir));
  const auto before = test::read_tree(dir.path());
  const auto totals = copy_store(config, target / "copy");
  REQUIRE_OK(totals);
  CHECK(totals->notes.size() == 3);
  check_small_copy(dir, target / "copy");
  CHECK(test::tree_changes(before, test::read_tree(dir.path())).empty());
  const auto moved = config_of(target / "copy/imapd.conf");
  CHECK(*moved.overflow("imap_idlesocket") == (target / "copy").native() + (dir / "run/idle").native());
  CHECK(moved.text(conf::Option::lmtpsocket) ==
        (target / "copy").native() + (dir / "c").native() + "/socket/lmtp");
}

TEST_CASE("a copy that is interrupted anywhere is gone on with", "[store_copy]") {
  const test::TempDir dir;
  const auto config = config_of(small_store(dir));
  bool killed = true;
  for (int changes = 0; killed; ++changes) {
    const test::TempDir target;
    const fs::path top = target / "copy";
    test::KilledIo io(posix_io(), changes);
    const auto first = copy_store(config, top, io);
    killed = io.was_killed();
    REQUIRE(first.has_value() == !killed);
    if (!killed) {
      break;
    }
    // Whatever has its name is whole.
    const fs::path index = top.native() + (dir / "s/user/a/cyrus.index").native();
    if (*posix_io().exists(index)) {
      CHECK(test::read_text(index) == "index");
    }
    auto again = store::StoreCopy::open(read_only_io(), posix_io(), conf::store_places(config), top);
    REQUIRE_OK(again);
    if (!again->complete()) {
      REQUIRE_OK(copy_store(config, top));
    }
    check_small_copy(dir, top);
    CHECK(posix_io().list(top / ".cyrkit-copy")->size() == 2);
  }
}

TEST_CASE("what the original lost or changed since is not in the copy", "[store_copy]") {
  const test::TempDir dir, target;
  const auto config = config_of(small_store(dir));
  const fs::path top = target / "copy", root = top.native() + dir.path().native();
  {
    auto copy = store::StoreCopy::open(read_only_io(), posix_io(), conf::store_places(config), top);
    REQUIRE_OK(copy);
    REQUIRE_OK(copy->copy({}));
    CHECK_FALSE(copy->complete());
  }
  REQUIRE_OK(posix_io().unlink(dir / "s/user/a/1."));
  test::write_text(dir / "s/user/a/cyrus.index", "another index");
  test::write_text(dir / "s/user/new/1.", "new");
  const auto totals = copy_store(config, top);
  REQUIRE_OK(totals);
  CHECK(totals->files == 2);
  CHECK(totals->there > 3);
  CHECK_FALSE(*posix_io().exists(root / "s/user/a/1."));
  CHECK(test::read_text(root / "s/user/a/cyrus.index") == "another index");
  CHECK(test::read_text(root / "s/user/new/1.") == "new");
  auto copy = store::StoreCopy::open(read_only_io(), posix_io(), conf::store_places(config), top);
  REQUIRE_OK(copy);
  CHECK(copy->complete());
}

TEST_CASE("places where no copy can be", "[store_copy]") {
  const test::TempDir dir, target;
  const auto config = config_of(small_store(dir));
  const auto error_of = [&](const fs::path& top) {
    const auto copy = store::StoreCopy::open(read_only_io(), posix_io(), conf::store_places(config), top);
    REQUIRE_FALSE(copy.has_value());
    return copy.error().code;
  };
  CHECK(error_of(dir / "s/copy") == Errc::invalid);
  CHECK(error_of(dir.path()) == Errc::invalid);
  CHECK(error_of("/") == Errc::invalid);
  CHECK(error_of(dir / "other-disk/../c/new/copy") == Errc::invalid);
  test::write_text(target / "full/something", "else");
  CHECK(error_of(target / "full") == Errc::exists);
  REQUIRE_OK(copy_store(config, target / "copy"));
  const test::TempDir second;
  const auto other = config_of(small_store(second));
  const auto copy =
      store::StoreCopy::open(read_only_io(), posix_io(), conf::store_places(other), target / "copy");
  REQUIRE_FALSE(copy.has_value());
  CHECK(copy.error().code == Errc::exists);
  FullIo full(posix_io());
  auto tight = store::StoreCopy::open(read_only_io(), full, conf::store_places(config), target / "tight");
  REQUIRE_OK(tight);
  const auto needs = tight->look();
  REQUIRE_OK(needs);
  CHECK(needs->free == 1000);
  CHECK(needs->bytes > needs->free);
}

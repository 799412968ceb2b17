// Conversion: every database of real stores through every backend, and all or nothing.
#include <algorithm>
#include <boost/filesystem/operations.hpp>

#include "format/base/file.h"
#include "format/db/convert.h"
#include "format/db/quotalegacy_format.h"
#include "format/db/record_sorter.h"
#include "tests/support/temp_store.h"
#include "tests/support/tree.h"
#include "tests/unit/db/random_workload.h"

namespace cyr {
namespace {

using test::Records;

Records read(const fs::path& path, db::Kind kind, const db::OpenOptions& options = {}) {
  auto database = db::open(read_only_io(), path, kind, options);
  REQUIRE_OK(database);
  Records out = test::records_of(**database);
  std::sort(out.begin(), out.end());
  return out;
}

// flat -> skiplist -> twoskip -> flat -> twoskip, from and to the same records.
void through_all(const fs::path& file, db::Kind kind, const fs::path& scratch,
                 const db::OpenOptions& open = {}) {
  const Records before = read(file, kind, open);
  fs::path from = file;
  std::optional<db::Kind> from_kind = kind;
  int step = 0;
  for (const db::Kind to : {db::Kind::flat, db::Kind::skiplist, db::Kind::twoskip, db::Kind::flat,
                            db::Kind::twoskip, db::Kind::skiplist}) {
    const fs::path target = scratch / ("step" + std::to_string(step++));
    db::ConvertOptions options;
    options.open = open;
    const auto done = db::convert(posix_io(), from, from_kind, target, to, options);
    REQUIRE_OK(done);
    CHECK(done->records == before.size());
    CHECK(read(target, to) == before);
    from = target;
    from_kind = to;
  }
}

}  // namespace

TEST_CASE("every database of a store goes through all backends unchanged", "[db][golden]") {
  std::size_t count = 0;
  for (const std::string name : {"skiplist", "classic"}) {
    const test::TempStore store(name);
    for (const auto& entry : fs::directory_iterator(store.golden_dir() / "intact/db")) {
      const std::string stem = entry.path().stem().string();
      const std::size_t dot = stem.rfind('.');
      const fs::path file = store.root() / test::replace_all(stem.substr(0, dot), "%", "/");
      const auto kind = db::kind_from_name(stem.substr(dot + 1));
      if (!kind || file.string().find("counters") != std::string::npos) {
        continue;
      }
      INFO(file);
      const test::TempDir scratch;
      through_all(file, *kind, scratch.path());
      ++count;
    }
  }
  CHECK(count > 50);
}

TEST_CASE("quota roots go from the tree to a file and back", "[db][golden]") {
  const test::TempStore store("virt");
  const db::OpenOptions open{.full_dir_hash = true, .virtual_domains = true};
  const fs::path quota = store / "config/quota";
  const Records before = read(quota, db::Kind::quotalegacy, open);
  CHECK(before.size() == 14);
  const test::TempDir scratch;
  db::ConvertOptions options;
  options.open = open;
  for (const fs::path& named : {quota, store / "config", store / "config/quota/"}) {
    REQUIRE_OK(db::convert(posix_io(), named, db::Kind::quotalegacy, scratch / "quotas.db", db::Kind::twoskip,
                           options));
    CHECK(read(scratch / "quotas.db", db::Kind::twoskip) == before);
  }
  through_all(quota, db::Kind::quotalegacy, scratch.path(), open);
  REQUIRE_OK(db::convert(posix_io(), scratch / "quotas.db", {}, scratch / "new/quota", db::Kind::quotalegacy,
                         options));
  CHECK(read(scratch / "new/quota", db::Kind::quotalegacy, open) == before);
  const auto content = [](const test::Tree& tree) {
    std::map<std::string, std::string> out;
    for (const auto& [path, entry] : tree) {
      out[path] = entry.content;
    }
    return out;
  };
  CHECK(content(test::read_tree(scratch / "new/quota")) == content(test::read_tree(quota)));
  CHECK(content(test::read_tree(scratch / "new/domain/O/example.net/quota")) ==
        content(test::read_tree(store / "config/domain/O/example.net/quota")));
  // Anything else is refused before a file is written.
  const auto refused = db::convert(posix_io(), store / "config/mailboxes.db", {}, scratch / "other/quota",
                                   db::Kind::quotalegacy, options);
  REQUIRE(!refused);
  CHECK(refused.error().code == Errc::invalid);
  CHECK(!fs::exists(scratch / "other"));
}

TEST_CASE("conversion is all or nothing", "[db]") {
  const test::TempDir dir;
  {
    auto database = db::open(posix_io(), dir / "a.db", db::Kind::twoskip, {.create = true});
    REQUIRE_OK(database);
    for (int i = 0; i < 100; ++i) {
      REQUIRE_OK((*database)->put("key " + std::to_string(i), "value"));
    }
  }
  const Records before = read(dir / "a.db", db::Kind::twoskip);

  SECTION("a wrong declaration is refused") {
    for (const db::Kind wrong : {db::Kind::flat, db::Kind::skiplist}) {
      const auto done = db::convert(posix_io(), dir / "a.db", wrong, dir / "b.db", db::Kind::flat);
      REQUIRE(!done);
      CHECK(done.error().code == Errc::corrupt);
      CHECK(!fs::exists(dir / "b.db"));
    }
  }
  SECTION("damage in the source leaves the target alone") {
    REQUIRE_OK(db::convert(posix_io(), dir / "a.db", {}, dir / "b.db", db::Kind::flat));
    auto file = File::open(posix_io(), dir / "a.db", {.write = true});
    REQUIRE_OK(file);
    const auto content = posix_io().read_file(dir / "a.db");
    REQUIRE_OK(content);
    const std::size_t at = content->text().find("key 50value");
    REQUIRE(at != std::string_view::npos);
    REQUIRE_OK(file->write(as_bytes("X"), at + 8));
    const test::Tree tree = test::read_tree(dir.path());
    CHECK(!db::convert(posix_io(), dir / "a.db", {}, dir / "b.db", db::Kind::skiplist));
    CHECK(test::tree_changes(tree, test::read_tree(dir.path()), test::Compare::content).empty());
  }
  SECTION("in place, with the old file kept") {
    const auto done = db::convert(posix_io(), dir / "a.db", {}, dir / "a.db", db::Kind::flat);
    REQUIRE_OK(done);
    CHECK(read(dir / "a.db", db::Kind::flat) == before);
    REQUIRE(done->kept);
    CHECK(read(*done->kept, db::Kind::twoskip) == before);
    const auto again = db::convert(posix_io(), dir / "a.db", {}, dir / "a.db", db::Kind::skiplist);
    REQUIRE_OK(again);
    CHECK(*again->kept != *done->kept);
  }
  SECTION("refused, dry, stopped") {
    REQUIRE_OK(db::convert(posix_io(), dir / "a.db", {}, dir / "b.db", db::Kind::flat));
    const test::Tree tree = test::read_tree(dir.path());
    db::ConvertOptions options;
    options.replace = false;
    const auto refused = db::convert(posix_io(), dir / "a.db", {}, dir / "b.db", db::Kind::twoskip, options);
    CHECK((!refused && refused.error().code == Errc::exists));
    options = {};
    options.dry_run = true;
    const auto dry = db::convert(read_only_io(), dir / "a.db", {}, dir / "b.db", db::Kind::twoskip, options);
    REQUIRE_OK(dry);
    CHECK(dry->records == 100);
    CHECK(test::tree_changes(tree, test::read_tree(dir.path())).empty());
  }
}

TEST_CASE("records are sorted in little memory", "[db]") {
  const test::TempDir dir;
  const db::KeyOrder order(db::Order::mbox);
  db::RecordSorter sorter(posix_io(), dir / "scratch", order, 4096);
  std::map<std::string, std::string> expected;
  for (unsigned i = 0; i < 2000; ++i) {
    const std::string key = "k" + std::to_string(i * 7919 % 2000) + (i % 3 == 0 ? ".x" : " y");
    expected[key] = std::to_string(i);
    REQUIRE_OK(sorter.add(key, std::to_string(i)));
  }
  std::string previous;
  std::size_t count = 0;
  const auto check = [&](std::string_view key, std::string_view value) -> Status {
    CHECK((count == 0 || order.less(previous, key)));
    CHECK(expected.at(std::string(key)) == value);
    previous.assign(key);
    ++count;
    return success();
  };
  REQUIRE_OK(sorter.finish(check));
  CHECK(count == expected.size());
  CHECK(fs::is_empty(dir.path()));
}

}  // namespace cyr

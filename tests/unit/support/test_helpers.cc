// The helpers that other tests trust: a store that is unpacked whole, a tree comparison that sees every
// change.
#include <boost/filesystem/fstream.hpp>
#include <boost/filesystem/operations.hpp>

#include "tests/support/check.h"
#include "tests/support/process.h"
#include "tests/support/temp_store.h"
#include "tests/support/tree.h"

using namespace cyr;
using namespace cyr::test;

TEST_CASE("run_command keeps both outputs and the status", "[support]") {
  const auto result = run_command({"sh", "-c", "cat; echo oops >&2; exit 3"}, {.input = "hello"});
  CHECK(result.status == 3);
  CHECK(result.out == "hello");
  CHECK(result.err == "oops\n");
  CHECK(run_command({"sh", "-c", "kill -9 $$"}).status == 137);
  CHECK(run_command({"/no/such/program"}).status == 127);
  CHECK(run_command({"sh", "-c", "sleep 30"}, {.timeout_seconds = 1}).timed_out);
  CHECK(run_command({"sh", "-c", "echo a; echo b >&2; pwd"}, {.directory = "/", .merge = true}).out ==
        "a\nb\n/\n");
}

TEST_CASE("a store is unpacked as its golden file list says", "[support]") {
  const TempStore store("skiplist");
  const Tree tree = read_tree(store.root(), {"run"});
  std::size_t files = 0;
  const std::string listing = store.golden("intact/files.txt");
  for (std::size_t at = 0; at < listing.size();) {
    const auto end = listing.find('\n', at);
    const std::string line = listing.substr(at, end - at);
    at = end + 1;
    const auto mark = line.find(" f ");
    if (mark == std::string::npos || line.rfind("etc/imapd.conf", 0) == 0) {
      continue;
    }
    CAPTURE(line);
    const auto found = tree.find(line.substr(0, mark));
    REQUIRE(found != tree.end());
    const auto sum = line.rfind(' ');
    const auto size = line.rfind(' ', sum - 1);
    CHECK(std::to_string(found->second.size) == line.substr(size + 1, sum - size - 1));
    ++files;
  }
  CHECK(files > 500);
  CHECK(read_text(store.conf()).find("/srv/cyrus") == std::string::npos);
  CHECK(store.from_golden("partition-default: /srv/cyrus/spool") ==
        "partition-default: " + store.root().string() + "/spool");
}

TEST_CASE("damage.py makes the damage that the golden files are about", "[support]") {
  const TempStore store("classic");
  CHECK(store.target("user.bovik").at("mailbox") == "user.bovik");
  CHECK_FALSE(store.damage("index-deleted", "user.bovik").empty());
  CHECK_FALSE(fs::exists(store / store.target("user.bovik").at("meta") / "cyrus.index"));
}

TEST_CASE("tree_changes sees content, mode, time, and what came and went", "[support]") {
  const TempDir dir;
  fs::ofstream(dir / "a") << "one";
  fs::ofstream(dir / "b") << "two";
  fs::last_write_time(dir / "a", 1000);
  fs::last_write_time(dir / "b", 1000);
  const Tree before = read_tree(dir.path());
  CHECK(tree_changes(before, read_tree(dir.path())).empty());
  fs::last_write_time(dir / "a", 1001);
  fs::permissions(dir / "b", fs::owner_read);
  CHECK(tree_changes(before, read_tree(dir.path())).size() == 2);
  CHECK(tree_changes(before, read_tree(dir.path()), Compare::content).empty());
  fs::remove(dir / "b");
  fs::ofstream(dir / "a") << "ONE";
  fs::ofstream(dir / "c") << "three";
  CHECK(tree_changes(before, read_tree(dir.path()), Compare::content).size() == 3);
}

TEST_CASE("parse_golden takes commands, output and status apart", "[support]") {
  const auto commands =
      parse_golden("$ quota 'user/a b' '-n'\n   Quota\n# exit 0\n$ reconstruct\n# exit -6\n");
  REQUIRE(commands.size() == 2);
  CHECK(commands[0].argv == std::vector<std::string>{"quota", "user/a b", "-n"});
  CHECK(commands[0].output == "   Quota\n");
  CHECK(commands[1].status == "-6");
}

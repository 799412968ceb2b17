// mbexamine as a program: the golden outputs of 3.6.1, and mailboxes that the real one cannot show.
#include <boost/filesystem/operations.hpp>

#include "tests/support/check.h"
#include "tests/support/process.h"
#include "tests/support/temp_store.h"

using namespace cyr;
using namespace cyr::test;

namespace {

RunResult examine(const TempStore& store, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"-C", store.conf()});
  return run_program("mbexamine", std::move(arguments), {.environment = {{"TZ", "UTC"}}});
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) {
    ++found;
  }
  return found;
}

}  // namespace

TEST_CASE("mbexamine --classic prints what 3.6.1 printed, byte for byte") {
  for (const char* name : {"virt", "versions"}) {
    const TempStore store(name);
    const RunResult result = examine(store, {"--classic"});
    CHECK(result.status == 0);
    const auto golden = parse_golden(store.golden("intact/mbexamine.txt"));
    REQUIRE(golden.size() == 1);
    const bool same = store.to_golden(result.out) == golden[0].output;
    INFO(name << ": " << result.err);
    CHECK(same);
  }
}

TEST_CASE("mbexamine shows damaged mailboxes and says so by its status") {
  const TempStore store("classic");
  const fs::path folder = store / "spool/b/user/bovik";
  const RunResult intact = examine(store, {"user.bovik"});
  REQUIRE(intact.status == 0);
  CHECK(count(intact.out, "> UID:") == 77);
  CHECK(count(intact.out, "000077> UID:") == 1);
  fs::resize_file(folder / "cyrus.header", 190);
  fs::remove(folder / "cyrus.cache");
  const RunResult damaged = examine(store, {"user.bovik"});
  CHECK(damaged.status == 65);
  CHECK(count(damaged.out, " Envel>") == 77);
  CHECK(count(damaged.out, "DAMAGE: ") > 77);
  const RunResult json = examine(store, {"--json", "--all", "user.bovik"});
  CHECK(json.status == 65);
  CHECK(count(json.out, "\"type\":\"message\"") == 113);
}

TEST_CASE("mbexamine compares with message files and knows unknown names") {
  const TempStore store("classic");
  CHECK(examine(store, {"-q", "user.fred"}).out ==
        "Examining user.fred...  Mailbox has CORRECT total quota usage\n");
  fs::resize_file(store / "spool/f/user/fred/10.", 100);
  const RunResult quota = examine(store, {"-q", "user.fred"});
  CHECK(quota.status == 65);
  CHECK(quota.out.find("Message 10 has INCORRECT size in index record") != std::string::npos);
  const RunResult files = examine(store, {"-c", "user.fred"});
  CHECK(files.status == 65);
  CHECK(files.out.find("  UID: 00000010\n") != std::string::npos);
  CHECK(count(files.out, "  UID: ") == 1);
  CHECK(examine(store, {"-u", "5000", "user.fred"}).status == 65);
  CHECK(examine(store, {"nosuch"}).status == 69);
}

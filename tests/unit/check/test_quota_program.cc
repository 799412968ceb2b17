// The program itself: options, both streams, exit status.

#include "tests/support/check.h"
#include "tests/support/process.h"
#include "tests/support/temp_store.h"
#include "tests/support/tree.h"

using namespace cyr;

namespace {

test::RunResult quota(const test::TempStore& temp, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"-C", temp.conf()});
  return test::run_program("quota", std::move(arguments));
}

}  // namespace

TEST_CASE("quota: report, dry run, repair, second run") {
  const test::TempStore temp("default");
  const auto golden = test::parse_golden(temp.golden("intact/quota.txt"));
  const auto report = quota(temp, {});
  CHECK(report.status == 0);
  CHECK(report.out == golden.at(0).output);
  CHECK(report.err.empty());

  test::write_text(temp / "config/quota/b/user.bovik",
                   "%(S (9999 50000) M (77 9000) AS (3 100) NF (1 60) MODSEQ 5)\n");
  const auto before = test::read_tree(temp.root());
  const auto dry = quota(temp, {"-f", "-n", "user/bovik"});
  CHECK(dry.status == 0);
  CHECK(dry.err ==
        "user.bovik: STORAGE usage was 9999, now 1192398\n"
        "user.bovik: MESSAGE usage was 77, now 113\n"
        "user.bovik: X-ANNOTATION-STORAGE usage was 3, now 105\n"
        "user.bovik: X-NUM-FOLDERS usage was 1, now 29\n");
  CHECK(test::tree_changes(before, test::read_tree(temp.root())).empty());
  const auto fixed = quota(temp, {"-f"});
  CHECK(fixed.status == 0);
  CHECK(fixed.err == dry.err);
  CHECK(fixed.out == golden.at(0).output);
  const auto again = quota(temp, {"-f", "-q"});
  CHECK(again.status == 0);
  CHECK((again.out + again.err).empty());
}

TEST_CASE("quota: names that match nothing, JSON, what stays wrong") {
  const test::TempStore temp("default");
  const auto unknown = quota(temp, {"user/bov"});
  CHECK(unknown.status == 1);
  CHECK(unknown.err.find("no quota root or mailbox 'user.bov'") != std::string::npos);
  CHECK(quota(temp, {"--compat-exit", "user/bov"}).status == 0);
  CHECK(quota(temp, {"-Q"}).status == 64);

  const auto json = quota(temp, {"-J", "user/tjs"});
  CHECK(json.out.starts_with("{\n  \"user/tjs\": {\n    \"STORAGE\": {\n      \"used\": 37098\n    },\n"));

  test::write_text(temp / "config/quota/f/user.fred", "junk\n");
  const auto shown = quota(temp, {});
  CHECK(shown.status == 1);
  CHECK(shown.err.find("user.fred: ") != std::string::npos);
  CHECK(shown.out.find("user/ted") != std::string::npos);
  const auto lines = quota(temp, {"-f", "--json", "-q"});
  CHECK(lines.status == 1);
  CHECK(lines.out.starts_with("{\"code\":\"Q906\""));
  CHECK(quota(temp, {"-f", "-q"}).status == 0);
}

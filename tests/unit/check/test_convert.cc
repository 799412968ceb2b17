// Conversions of whole mailboxes (reconstruct -V): what a killed one leaves, what is refused, which release
// is meant. That every fact stays through chains of versions is shown by tests/matrix/chains.py.
#include <string>

#include "format/check/convert_target.h"
#include "tests/support/tree.h"
#include "tests/unit/check/killed_io.h"
#include "tests/unit/check/repair_bench.h"

using namespace cyr;
using test::Bench;

namespace {

check::ConvertTarget target(const Bench& bench, std::string_view text) {
  const auto store = store::Store::open(posix_io(), bench.temp.conf());
  REQUIRE_OK(store);
  const auto parsed = check::parse_convert_target(text, **store);
  REQUIRE_OK(parsed);
  return *parsed;
}

check::Options to(const Bench& bench, std::string_view text, bool accept_loss = true) {
  check::Options options;
  options.convert = target(bench, text);
  options.accept_loss = accept_loss;
  return options;
}

// One mailbox through an Io that may be killed.
void convert(const Bench& bench, const std::string& name, const check::Options& options, Io& io, int run) {
  auto store = store::Store::open(io, bench.temp.conf());
  REQUIRE_OK(store);
  auto selection = store::select_mailboxes(**store, {name}, {});
  REQUIRE_OK(selection);
  store::SavedCopies saved(io, (*store)->saved_roots(), "kill" + std::to_string(run), true);
  store::UserLocks locks;
  test::Findings findings;
  test::Collector collector(findings);
  check::Checker checker(**store, options, saved, locks);
  (void)checker.mailbox(selection->entries.at(0), collector);
}

}  // namespace

TEST_CASE("releases and versions", "[convert]") {
  const Bench bench("classic");
  const auto [text, version, series] = GENERATE(table<std::string, unsigned, mime::Series>({
      {"2.1.12", 4, mime::Series::v2_1},
      {"2.1", 6, mime::Series::v2_1},
      {"2.2", 6, mime::Series::v2_2},
      {"2.3.16", 10, mime::Series::v2_3},
      {"2.4", 12, mime::Series::v2_4},
      {"2.5.17", 13, mime::Series::v2_5},
      {"3.6.1", 17, mime::Series::v3_6},
      {"3.12", 19, mime::Series::v3_12},
      {"12", 12, mime::Series::v2_4},
      {"max", 17, mime::Series::v3_6},
  }));
  CAPTURE(text);
  CHECK(target(bench, text).minor_version == version);
  CHECK(target(bench, text).cache->series == series);
}

TEST_CASE("what is no version is refused", "[convert]") {
  const Bench bench("classic");
  const auto store = store::Store::open(posix_io(), bench.temp.conf());
  REQUIRE_OK(store);
  for (const std::string text : {"11", "1", "21", "", "newest", "4.0", "-3", "3.", "17x"}) {
    CAPTURE(text);
    CHECK_FALSE(check::parse_convert_target(text, **store));
  }
}

TEST_CASE("a loss needs to be accepted", "[convert]") {
  Bench bench("classic");
  const auto before = test::read_tree(bench.temp.root(), {"run"});
  const auto findings = bench.run("user.bovik", to(bench, "6", false));
  CHECK(findings.count(check::Problem::conversion_loss) >= 2);
  CHECK(findings.count(check::Problem::conversion_refused) == 1);
  CHECK(findings.count(check::Problem::converted) == 0);
  CHECK(test::tree_changes(before, test::read_tree(bench.temp.root(), {"run"})).empty());
  CHECK(bench.last.remaining != 0);
}

TEST_CASE("a missing message is a finding and not the end of a conversion", "[convert]") {
  Bench bench("default");
  bench.temp.damage("messages-missing", "user_bovik");
  const auto findings = bench.run("user/bovik", to(bench, "12"));
  CHECK(findings.count(check::Problem::message_missing) == 3);
  CHECK(findings.count(check::Problem::converted) == 1);
  CHECK(bench.index().header.minor_version == 12);
  CHECK(bench.run("user/bovik").all.empty());
}

TEST_CASE("a conversion that is killed leaves the old or the new mailbox after one repair", "[convert]") {
  Bench bench("classic");
  const auto before = bench.index("user.bovik");
  int old_states = 0;
  int new_states = 0;
  int kills = 0;
  for (bool killed = true; killed; kills += 15) {
    CAPTURE(kills);
    test::KilledIo io(posix_io(), kills);
    convert(bench, "user.bovik", to(bench, "10"), io, kills);
    killed = io.was_killed();
    bench.run("user.bovik");  // what one more run makes of it
    CHECK(bench.run("user.bovik").all.empty());
    const auto now = bench.index("user.bovik");
    ++(now.header.minor_version == 17 ? old_states : new_states);
    CHECK((now.header.minor_version == 17 || now.header.minor_version == 10));
    bench.run("user.bovik", to(bench, "17"));
    const auto back = bench.index("user.bovik");
    REQUIRE(back.records.size() == before.records.size());
    for (std::size_t i = 0; i < before.records.size(); ++i) {
      CHECK(test::same_facts(back.records[i], before.records[i]));
      CHECK(back.records[i].savedate == before.records[i].savedate);
      CHECK(back.records[i].modseq >= before.records[i].modseq);
    }
  }
  CHECK(old_states > 0);
  CHECK(new_states > 0);
}

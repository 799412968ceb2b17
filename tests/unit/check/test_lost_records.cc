// Which of the lost messages were expunged, as counters prove it.
#include <algorithm>

#include "format/check/lost_records.h"
#include "tests/support/check.h"

using cyr::check::unique_subset;

TEST_CASE("the one subset with a sum", "[lost]") {
  const auto found = unique_subset({100, 250, 400, 30}, 2, 430);
  REQUIRE(found);
  CHECK(*found == std::vector<bool>{false, false, true, true});
}

TEST_CASE("none and all are subsets too", "[lost]") {
  CHECK(*unique_subset({5, 6}, 0, 0) == std::vector<bool>{false, false});
  CHECK(*unique_subset({5, 6}, 2, 11) == std::vector<bool>{true, true});
  CHECK(*unique_subset({}, 0, 0) == std::vector<bool>{});
}

TEST_CASE("two subsets prove nothing, nor does none", "[lost]") {
  CHECK_FALSE(unique_subset({10, 20, 10}, 2, 30));
  CHECK_FALSE(unique_subset({10, 20}, 1, 15));
  CHECK_FALSE(unique_subset({10, 20}, 3, 30));
}

TEST_CASE("a search that would take too long is given up", "[lost]") {
  CHECK_FALSE(unique_subset(std::vector<std::uint64_t>(400, 7), 200, 1400));
}

TEST_CASE("a subset may be as large as a mailbox", "[check]") {
  const std::vector<std::uint64_t> sizes(500'000, 3);
  const auto all = unique_subset(sizes, sizes.size(), 3 * sizes.size());
  REQUIRE(all);
  CHECK(std::count(all->begin(), all->end(), true) == 500'000);
}

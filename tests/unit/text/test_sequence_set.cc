// Sequence sets as seen databases and command lines have them.
#include <random>
#include <set>

#include "format/text/sequence_set.h"
#include "tests/support/check.h"

using namespace cyr;
using namespace cyr::text;

namespace {

std::string canonical(std::string_view text, std::uint32_t star = 100) {
  const auto set = SequenceSet::parse(text, star);
  REQUIRE_OK(set);
  return set->print();
}

}  // namespace

TEST_CASE("sequence set: canonical form") {
  CHECK(canonical("") == "");
  CHECK(canonical("7") == "7");
  CHECK(canonical("1:4,7,9:*") == "1:4,7,9:100");
  CHECK(canonical("4:1") == "1:4");
  CHECK(canonical("*:90") == "90:100");
  CHECK(canonical("*") == "100");
  CHECK(canonical("200:*") == "100:200");
  CHECK(canonical("5,1,3,2,4") == "1:5");
  CHECK(canonical("1:10,2:3,11") == "1:11");
  CHECK(canonical("1:4294967295") == "1:4294967295");
  CHECK(canonical("4294967295,1:4294967294") == "1:4294967295");
  CHECK(canonical("*", 0) == "");
}

TEST_CASE("sequence set: what is no set") {
  for (const std::string_view text :
       {"0", "1,", ",1", "1::2", "1:", ":2", "a", "1 2", "-1", "4294967296", "0:3", "1;2"}) {
    INFO(text);
    const auto set = SequenceSet::parse(text);
    REQUIRE_FALSE(set.has_value());
    CHECK(set.error().offset.value() <= text.size());
  }
}

TEST_CASE("sequence set: adding in any order equals a set of numbers") {
  std::mt19937 random(20);
  for (int round = 0; round < 200; ++round) {
    SequenceSet set;
    std::set<std::uint32_t> numbers;
    for (int i = 0; i < 8; ++i) {
      const auto first = static_cast<std::uint32_t>(1 + random() % 200);
      const auto last = static_cast<std::uint32_t>(first + random() % 25);
      set.add(i % 2 == 0 ? first : last, i % 2 == 0 ? last : first);
      for (std::uint32_t n = std::min(first, last); n <= std::max(first, last); ++n) {
        numbers.insert(n);
      }
    }
    REQUIRE(set.size() == numbers.size());
    for (std::uint32_t n = 0; n < 230; ++n) {
      REQUIRE(set.contains(n) == (numbers.count(n) == 1));
    }
    const auto again = SequenceSet::parse(set.print());
    REQUIRE_OK(again);
    REQUIRE(*again == set);
    for (std::size_t i = 1; i < set.ranges().size(); ++i) {
      REQUIRE(set.ranges()[i - 1].last + 1 < set.ranges()[i].first);
    }
  }
}

// See sort.h.
#include "server-min/imapd/sort.h"

#include <algorithm>
#include <array>

#include "format/base/text.h"

namespace cyr::imapd {

namespace {

struct SortName {
  std::string_view name;
  SortBy by;
};
constexpr std::array<SortName, 11> kSortNames{{
    {"ARRIVAL", SortBy::arrival},
    {"CC", SortBy::cc},
    {"DATE", SortBy::date},
    {"DISPLAYFROM", SortBy::displayfrom},
    {"DISPLAYTO", SortBy::displayto},
    {"FROM", SortBy::from},
    {"SIZE", SortBy::size},
    {"SUBJECT", SortBy::subject},
    {"TO", SortBy::to},
    {"MODSEQ", SortBy::modseq},
    {"UID", SortBy::uid},
}};
constexpr std::size_t kMaxCriteria = 32;

}  // namespace

bool is_from_index(SortBy by) {
  return by == SortBy::arrival || by == SortBy::date || by == SortBy::size || by == SortBy::modseq ||
         by == SortBy::uid;
}

Result<std::vector<SortCriterion>> parse_sort(CommandParser& parser) {
  std::vector<SortCriterion> criteria;
  bool reverse = false;
  const auto take_one = [&]() -> Status {
    const std::string word = parser.word();
    if (equal_ignoring_case(word, "REVERSE") && !reverse) {
      reverse = true;
      return success();
    }
    const auto* const row = std::find_if(kSortNames.begin(), kSortNames.end(), [&](const SortName& name) {
      return equal_ignoring_case(name.name, word);
    });
    if (row == kSortNames.end() || criteria.size() >= kMaxCriteria) {
      return bad_argument("Invalid Sort criterion " + lower_ascii(word));
    }
    criteria.push_back({row->by, reverse});
    reverse = false;
    return success();
  };
  CYR_CHECK(parser.list(take_one));
  if (criteria.empty() || reverse) {
    return bad_argument("Missing Sort criterion");
  }
  return criteria;
}

void sort_rows(std::vector<SortRow>& rows, const std::vector<SortCriterion>& criteria) {
  std::sort(rows.begin(), rows.end(), [&](const SortRow& a, const SortRow& b) {
    for (std::size_t i = 0; i < criteria.size(); ++i) {
      const SortKey& left = a.keys[i];
      const SortKey& right = b.keys[i];
      const int order =
          left.number != right.number ? (left.number < right.number ? -1 : 1) : left.text.compare(right.text);
      if (order != 0) {
        return criteria[i].reverse ? order > 0 : order < 0;
      }
    }
    return a.msgno < b.msgno;
  });
}

}  // namespace cyr::imapd

// Sequence sets. Invariant: ranges_ is ascending with a gap of at least one number between ranges.
#include "format/text/sequence_set.h"

#include <algorithm>

#include "format/base/text.h"

namespace cyr::text {
namespace {

std::optional<std::uint32_t> number_or_star(std::string_view text, std::uint32_t star) {
  if (text == "*") {
    return star;
  }
  const auto number = parse_number<std::uint32_t>(text);
  return number && *number > 0 ? number : std::nullopt;
}

}  // namespace

Result<SequenceSet> SequenceSet::parse(std::string_view text, std::uint32_t star) {
  std::vector<Range> found;
  std::size_t offset = 0;
  for (const std::string_view piece : split(text, ',')) {
    if (text.empty()) {
      break;
    }
    const auto colon = piece.find(':');
    const auto first = number_or_star(piece.substr(0, colon), star);
    const auto last = colon == std::string_view::npos ? first : number_or_star(piece.substr(colon + 1), star);
    if (!first || !last) {
      return corrupt("'" + printable(piece) + "' is no part of a sequence set", offset);
    }
    // `*` of an empty mailbox (star 0) is in no set.
    if (*first > 0 && *last > 0) {
      found.push_back({std::min(*first, *last), std::max(*first, *last)});
    }
    offset += piece.size() + 1;
  }
  std::sort(found.begin(), found.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
  SequenceSet set;
  for (const Range& range : found) {
    set.add(range.first, range.last);
  }
  return set;
}

void SequenceSet::add(std::uint32_t first, std::uint32_t last) {
  Range range{std::min(first, last), std::max(first, last)};
  if (range.last == 0) {
    return;
  }
  range.first = std::max(range.first, 1U);
  // The ranges that overlap or touch the new one are swallowed by it. Sets grow at their end as a rule.
  auto begin = ranges_.end();
  while (begin != ranges_.begin() && std::uint64_t{std::prev(begin)->last} + 1 >= range.first) {
    --begin;
  }
  auto end = begin;
  while (end != ranges_.end() && end->first <= std::uint64_t{range.last} + 1) {
    range.first = std::min(range.first, end->first);
    range.last = std::max(range.last, end->last);
    ++end;
  }
  if (begin == end) {
    ranges_.insert(begin, range);
    return;
  }
  *begin = range;
  ranges_.erase(std::next(begin), end);
}

void SequenceSet::remove(std::uint32_t number) {
  const auto range =
      std::find_if(ranges_.begin(), ranges_.end(), [number](const Range& one) { return number <= one.last; });
  if (range == ranges_.end() || number < range->first) {
    return;
  }
  if (range->first == range->last) {
    ranges_.erase(range);
  } else if (number == range->first) {
    ++range->first;
  } else if (number == range->last) {
    --range->last;
  } else {
    const Range after{number + 1, range->last};
    range->last = number - 1;
    ranges_.insert(std::next(range), after);
  }
}

bool SequenceSet::contains(std::uint32_t number) const {
  const auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), number,
                       [](std::uint32_t wanted, const Range& range) { return wanted < range.first; });
  return after != ranges_.begin() && number <= std::prev(after)->last;
}

std::uint64_t SequenceSet::size() const {
  std::uint64_t total = 0;
  for (const Range& range : ranges_) {
    total += std::uint64_t{range.last} - range.first + 1;
  }
  return total;
}

std::string SequenceSet::print() const {
  std::string out;
  for (const Range& range : ranges_) {
    if (!out.empty()) {
      out += ',';
    }
    out += std::to_string(range.first);
    if (range.last != range.first) {
      out += ':' + std::to_string(range.last);
    }
  }
  return out;
}

}  // namespace cyr::text

#include "format/meta/seen.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "format/base/text.h"
#include "format/text/sequence_set.h"

namespace cyr::meta {
namespace {

// Takes the number at the front of `text` and the one space after it.
template <class Number>
std::optional<Number> take_number(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const auto value = parse_number<Number>(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return value;
}

}  // namespace

Result<SeenRecord> decode_seen(std::string_view value) {
  std::string_view rest = value;
  const auto version = take_number<std::uint32_t>(rest);
  if (!version) {
    return corrupt("the seen record has no version number", 0);
  }
  if (*version != 1) {
    return corrupt(fmt::format("seen record of version {}, expected 1", *version), 0);
  }
  const auto lastread = take_number<std::int64_t>(rest);
  const auto lastuid = take_number<std::uint32_t>(rest);
  const auto lastchange = take_number<std::int64_t>(rest);
  if (!lastread || !lastuid || !lastchange) {
    return corrupt("lastread, lastuid or lastchange of the seen record is no number");
  }
  return SeenRecord{*lastread, *lastuid, *lastchange, std::string(rest)};
}

std::string encode_seen(const SeenRecord& record) {
  return fmt::format("1 {} {} {} {}", record.lastread, record.lastuid, record.lastchange, record.uids);
}

Result<SeenRecord> merge_seen(const SeenRecord& a, const SeenRecord& b) {
  CYR_TRY(auto uids, text::SequenceSet::parse(a.uids));
  CYR_TRY(const auto more, text::SequenceSet::parse(b.uids));
  for (const auto& range : more.ranges()) {
    uids.add(range.first, range.last);
  }
  return SeenRecord{std::max(a.lastread, b.lastread), std::max(a.lastuid, b.lastuid),
                    std::max(a.lastchange, b.lastchange), uids.print()};
}

Result<SeenLine> decode_seen_line(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with(' ')) {
    line.remove_suffix(1);
  }
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos || tab == 0) {
    return corrupt("no user id with a TAB at the front of the line", 0);
  }
  SeenLine out;
  out.userid = line.substr(0, tab);
  std::string_view rest = line.substr(tab + 1);
  const auto lastread = take_number<std::int64_t>(rest);
  const auto lastuid = take_number<std::uint32_t>(rest);
  if (!lastread || !lastuid) {
    return corrupt("lastread or lastuid is no number", tab + 1);
  }
  // The oldest form has no lastchange: what follows is the uid set. A lone number at the end is lastchange
  // with an empty set only where a space followed it, which the padding hides; both readings then agree that
  // there is no more text.
  const std::size_t space = rest.find(' ');
  if (space != std::string_view::npos) {
    if (const auto lastchange = parse_number<std::int64_t>(rest.substr(0, space))) {
      out.record.lastchange = *lastchange;
      rest.remove_prefix(space + 1);
    }
  }
  out.record.lastread = *lastread;
  out.record.lastuid = *lastuid;
  out.record.uids = rest;
  return out;
}

}  // namespace cyr::meta

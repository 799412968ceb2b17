// The sort criteria of RFC 5256 and their keys.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server-min/imapd/parser.h"

namespace cyr::imapd {

enum class SortBy : std::uint8_t {
  arrival,
  cc,
  date,
  displayfrom,  // RFC 5957
  displayto,
  from,
  size,
  subject,
  to,
  modseq,
  uid,
};
struct SortCriterion {
  SortBy by = SortBy::arrival;
  bool reverse = false;
};
// "(REVERSE DATE SUBJECT)". BAD "Invalid Sort criterion foo".
Result<std::vector<SortCriterion>> parse_sort(CommandParser& parser);

// A number or a text; what it is the criterion says.
struct SortKey {
  std::uint64_t number = 0;
  std::string text = {};
};
struct SortRow {
  std::uint32_t msgno = 0;
  std::vector<SortKey> keys;  // one per criterion
};
// Ties go by message number, also with REVERSE.
void sort_rows(std::vector<SortRow>& rows, const std::vector<SortCriterion>& criteria);

// True for criteria that only the index is needed for.
[[nodiscard]] bool is_from_index(SortBy by);

}  // namespace cyr::imapd

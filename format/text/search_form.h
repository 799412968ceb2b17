// The canonical search form of 2.1-2.4: the FROM, TO, CC, BCC and SUBJECT items of those releases hold their
// text without case, diacritics and (mostly) blanks. 2.5 and later store the text itself. Rule:
// mailbox.md 5.7.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cyr::text {

enum class SearchForm : std::uint8_t {
  none,      // 2.5 and later
  form_2_1,  // Unicode 2.0, blanks dropped, U+0300-03FF blank
  form_2_2,  // 2.2: Unicode 2.0, blanks dropped
  form_2_3,  // as 2.2; listed blanks that have a decomposition are mapped by it
  form_2_4,  // Unicode 6.0, a run of blanks becomes one space
};

// `utf8` in search form; `form` none returns it unchanged.
[[nodiscard]] std::string to_search_form(std::string_view utf8, SearchForm form);

}  // namespace cyr::text

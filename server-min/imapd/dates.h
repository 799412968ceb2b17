// Dates of IMAP commands (RFC 3501 9: date, date-time) and of INTERNALDATE.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cyr::imapd {

// "1-Feb-1994", without quotes: the day, as the local midnights at its start and its end (seconds since
// 1970), since Cyrus compares days in the server's zone.
struct Day {
  std::int64_t start = 0;  // first second
  std::int64_t end = 0;    // first second of the next day
};
[[nodiscard]] std::optional<Day> parse_day(std::string_view text);
// " 1-Feb-1994 21:52:25 -0800", without quotes; seconds since 1970.
[[nodiscard]] std::optional<std::int64_t> parse_date_time(std::string_view text);
// The same form, in the local zone, quotes included.
[[nodiscard]] std::string print_date_time(std::int64_t seconds);

}  // namespace cyr::imapd

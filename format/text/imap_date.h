// IMAP's date-time (RFC 3501 section 9): "17-Jul-1996 02:44:25 -0700", the day filled up with a space.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "format/base/error.h"

namespace cyr::text {

// Seconds since 1970 UTC. Errc::invalid for anything else, and for days and hours that do not exist. A day of
// one digit may stand with or without the space.
[[nodiscard]] Result<std::int64_t> parse_imap_date_time(std::string_view text);
// In UTC ("+0000"); the day has a space in front when it is one digit.
[[nodiscard]] std::string print_imap_date_time(std::int64_t seconds);

}  // namespace cyr::text

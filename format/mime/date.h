// The Date field as Cyrus's index understands it (mailbox.md 5.6, "Dates"): sentdate and gmtime.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string_view>

#include "format/mime/profile.h"

namespace cyr::mime {

// The written day at sentdate_hour in the process's local zone (TZ), seconds since 1970 modulo 2^32; nothing
// if the date cannot be used.
[[nodiscard]] std::optional<std::uint32_t> sent_day(std::string_view date, const CacheProfile& profile);
// The complete date as UTC, seconds modulo 2^32.
[[nodiscard]] std::optional<std::uint32_t> sent_time(std::string_view date, const CacheProfile& profile);
// Local midnight of the day of `when`, seconds modulo 2^32.
[[nodiscard]] std::uint32_t local_midnight(std::time_t when);

}  // namespace cyr::mime

// Where two cache records differ, in words, for failure messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cyr::test {

// Internal date of the messages of cache-vectors and cache-probes, seconds since 1970.
inline constexpr std::uint64_t cached_internaldate = 1600000000;

// "BODYSTRUCTURE: ours ... theirs ..." for each item that differs; empty when the records are equal.
[[nodiscard]] std::string cache_difference(std::string_view ours, std::string_view theirs);

}  // namespace cyr::test

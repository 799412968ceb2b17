// Where two cache records differ, in words, for failure messages.
#pragma once

#include <string>
#include <string_view>

namespace cyr::test {

// "BODYSTRUCTURE: ours ... theirs ..." for each item that differs; empty when the records are equal.
[[nodiscard]] std::string cache_difference(std::string_view ours, std::string_view theirs);

}  // namespace cyr::test

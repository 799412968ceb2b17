// Base64 on the wire (RFC 4648 section 4), strict: for SASL exchanges and the like.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cyr::wire {

[[nodiscard]] std::string to_base64(std::string_view bytes);
// Nothing for a character outside the alphabet, a wrong length or padding inside.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace cyr::wire

// Which header fields the HEADERS item of a cache record holds (mailbox.md 5.5).
#pragma once

#include <optional>
#include <string_view>

#include "format/mime/profile.h"

namespace cyr::mime {

// True if a release of `series` puts the field that starts at `line` into the cache. `line` starts with the
// field's name and may run to the end of the header.
[[nodiscard]] bool is_cached_header(std::string_view line, Series series);
// The lowest cache version that is sure to hold the field of this name if the message has it, so that its
// absence in a record of that version or later means something; nothing: never cached.
[[nodiscard]] std::optional<unsigned> header_cached_since(std::string_view name);

}  // namespace cyr::mime

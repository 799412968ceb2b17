// Modified UTF-7, the charset of mailbox names (RFC 3501 5.1.3), strict (store.md 2.2 rule 8).
#pragma once

#include <string>
#include <string_view>

#include "format/base/error.h"

namespace cyr::text {

// What a reader tolerates in a shift sequence.
enum class Mutf7Rule : std::uint8_t {
  with_surrogates,     // 3.2 and later: characters beyond the BMP as surrogate pairs
  without_surrogates,  // up to 3.0: surrogates are an error
};

// Well-formed: 7-bit printable, every '&' shift closed by '-', no shift for printable ASCII, no left-over
// bits, no shift right after another. Errc::invalid with the offset of the trouble.
Status check_mutf7(std::string_view name, Mutf7Rule rule = Mutf7Rule::with_surrogates);
Result<std::string> mutf7_to_utf8(std::string_view name);
// Errc::invalid for bytes that are no UTF-8 and for control characters.
Result<std::string> utf8_to_mutf7(std::string_view text);

}  // namespace cyr::text

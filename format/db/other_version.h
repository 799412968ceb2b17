// The version number in a database's header when it is not the one that is known.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "format/base/error.h"

namespace cyr::db {

// A number that a later release could have given: Errc::unsupported, the file is fine and not for us. Any
// other is damage: Errc::corrupt at `offset` of the field.
inline Error other_version(std::string_view format, std::uint32_t found, std::uint64_t offset) {
  constexpr std::uint32_t most_plausible = 255;
  if (found == 0 || found > most_plausible) {
    return corrupt(fmt::format("header has the {} version {}", format, found), offset);
  }
  return make_error(Errc::unsupported, fmt::format("{} version {}, this program knows 1", format, found));
}

}  // namespace cyr::db

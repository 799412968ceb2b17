// Release numbers as text.
#include "format/conf/release.h"

#include "format/base/text.h"

namespace cyr::conf {

std::string Release::text() const {
  return std::to_string(major) + '.' + std::to_string(minor) + '.' + std::to_string(patch);
}

std::optional<Release> Release::parse(std::string_view text) {
  const auto end = text.find_first_not_of("0123456789.");
  const auto parts = split(text.substr(0, end), '.');
  if (parts.size() < 2 || parts.size() > 3) {
    return {};
  }
  const auto major_number = parse_number<std::uint8_t>(parts[0]);
  const auto minor_number = parse_number<std::uint8_t>(parts[1]);
  const auto patch_number = parts.size() == 3 ? parse_number<std::uint8_t>(parts[2]) : std::uint8_t{0};
  if (!major_number || !minor_number || !patch_number) {
    return {};
  }
  return Release{*major_number, *minor_number, *patch_number};
}

}  // namespace cyr::conf

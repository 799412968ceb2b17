// Which Cyrus release a store belongs to: defaults, path rules and file forms differ.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cyr::conf {

struct Release {
  std::uint8_t major = 3;
  std::uint8_t minor = 6;
  std::uint8_t patch = 1;

  friend constexpr auto operator<=>(const Release&, const Release&) = default;
  [[nodiscard]] std::string text() const;  // "3.6.1"
  // "3.6", "3.6.1", "2.3.16-Debian-..." (anything after the numbers is ignored); nothing when it is no
  // release.
  static std::optional<Release> parse(std::string_view text);
};

// The reference release of each series (store.md 0).
inline constexpr Release v2_1{2, 1, 12};
inline constexpr Release v2_2{2, 2, 13};
inline constexpr Release v2_3{2, 3, 20};
inline constexpr Release v2_4{2, 4, 22};
inline constexpr Release v2_5{2, 5, 17};
inline constexpr Release v3_0{3, 0, 18};
inline constexpr Release v3_2{3, 2, 12};
inline constexpr Release v3_4{3, 4, 8};
inline constexpr Release v3_6{3, 6, 1};
inline constexpr Release v3_8{3, 8, 6};
inline constexpr Release v3_10{3, 10, 3};
inline constexpr Release v3_12{3, 12, 3};

}  // namespace cyr::conf

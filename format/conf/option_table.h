// The rows of options.def as a table; private to the room.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "format/conf/imapd_conf.h"

namespace cyr::conf {

struct OptionDefault {
  Release since{255, 0, 0};
  std::string_view value;
};

struct OptionRow {
  std::string_view name;
  Type type;
  std::string_view extra;  // words, or the default unit
  std::array<Release, 2> lifetime;
  std::string_view replaced_by;
  std::array<OptionDefault, 8> defaults;

  [[nodiscard]] constexpr bool known_in(Release release) const {
    return lifetime[0] <= release && release <= lifetime[1];
  }
  // Durations were plain numbers before 3.2, byte sizes before 3.8.
  [[nodiscard]] Type type_in(Release release) const;
  [[nodiscard]] std::string_view default_in(Release release) const;
  [[nodiscard]] char unit() const { return extra.empty() ? ' ' : extra.front(); }
};

[[nodiscard]] std::span<const OptionRow> option_rows();
[[nodiscard]] inline const OptionRow& row_of(Option option) {
  return option_rows()[static_cast<std::size_t>(option)];
}

// The value as it is stored: numbers in decimal, switches "yes" and "no", words with their synonyms resolved
// and repetitions dropped. Errc::config without name and line: "non-integer value", "invalid value 'V'" ...
Result<std::string> canonical_value(const OptionRow& row, Release release, std::string_view value);

// strtol(3) with base 0 over the whole text; saturates.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text);

}  // namespace cyr::conf

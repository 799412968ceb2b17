// The option table: options.def made into rows, and what a value of each type looks like (imapd.conf.md,
// store.md 1.2).
//
// The rows are sorted by name, which the compiler checks, so that a name is found by halving.
#include "format/conf/option_table.h"

#include <algorithm>
#include <limits>

#include "format/base/text.h"

namespace cyr::conf {
namespace {

constexpr Release from_release(unsigned major, unsigned minor, unsigned patch = 0) {
  return {static_cast<std::uint8_t>(major), static_cast<std::uint8_t>(minor),
          static_cast<std::uint8_t>(patch)};
}
constexpr std::array<Release, 2> lifetime_of(Release first) { return {first, Release{255, 255, 255}}; }
constexpr std::array<Release, 2> lifetime_of(std::array<Release, 2> both) { return both; }

// The words of options.def.
constexpr Release from(unsigned major, unsigned minor, unsigned patch = 0) {
  return from_release(major, minor, patch);
}
// `first` may name a patch level; the last series is meant with all its patches.
constexpr std::array<Release, 2> releases(unsigned major, unsigned minor, unsigned last_major,
                                          unsigned last_minor) {
  return {from_release(major, minor), from_release(last_major, last_minor, 255)};
}

#define CYR_OPTION(name, type, extra, lifetime, replaced_by, ...) \
  OptionRow{#name, Type::type, extra, lifetime_of(lifetime), replaced_by, {{__VA_ARGS__}}},
// A plain array: deducing the size of a std::array takes clang one template level for each row.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-c-arrays,modernize-avoid-c-arrays)
constexpr OptionRow rows[] = {
#include "format/conf/options.def"
};
#undef CYR_OPTION

static_assert(std::is_sorted(std::begin(rows), std::end(rows),
                             [](const OptionRow& a, const OptionRow& b) { return a.name < b.name; }),
              "options.def is sorted by name");

Result<std::string> canonical_switch(std::string_view value) {
  // Decided by the first one or two bytes, as real Cyrus does: "tomato" is on, "ON" is nothing.
  const char first = value.front();
  const char second = value.size() > 1 ? value[1] : '\0';
  if (first == '0' || first == 'n' || first == 'f' || (first == 'o' && second == 'f')) {
    return std::string("no");
  }
  if (first == '1' || first == 'y' || first == 't' || (first == 'o' && second == 'n')) {
    return std::string("yes");
  }
  return make_error(Errc::config, "non-switch value");
}

// The first spelling of `word` in the row's list, if it stands there and `release` knows it.
std::optional<std::string_view> find_word(const OptionRow& row, Release release, std::string_view word) {
  for (std::string_view allowed : split(row.extra, ' ')) {
    if (const auto limit = allowed.find('<'); limit != std::string_view::npos) {
      if (release.major >= static_cast<unsigned>(allowed[limit + 1] - '0')) {
        continue;
      }
      allowed = allowed.substr(0, limit);
    }
    const auto spellings = split(allowed, '=');
    if (std::find(spellings.begin(), spellings.end(), word) != spellings.end()) {
      return spellings.front();
    }
  }
  return {};
}

Error invalid_value(std::string_view value) {
  return make_error(Errc::config, "invalid value '" + printable(value) + "'");
}

std::string_view word_for_switch(std::string_view value) {
  for (const std::string_view on : {"1", "yes", "t", "true"}) {
    if (value == on) {
      return "on";
    }
  }
  for (const std::string_view off : {"0", "no", "f", "false"}) {
    if (value == off) {
      return "off";
    }
  }
  return value;
}

Result<std::string> canonical_word(const OptionRow& row, Release release, std::string_view value) {
  const auto word = find_word(row, release, row.type == Type::word ? word_for_switch(value) : value);
  if (!word) {
    return invalid_value(value);
  }
  return std::string(*word);
}

Result<std::string> canonical_bits(const OptionRow& row, Release release, std::string_view value) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : std::string(value) + ' ') {
    if (!is_space(c)) {
      word += c;
      continue;
    }
    if (word.empty()) {
      continue;
    }
    const auto known = find_word(row, release, word);
    if (!known) {
      return invalid_value(value);
    }
    if (std::find(words.begin(), words.end(), *known) == words.end()) {
      words.emplace_back(*known);
    }
    word.clear();
  }
  return join(words, " ");
}

// a*b and a+b that stop at the ends of the type: an absurd time-out is as good as an endless one.
std::int64_t saturating_add(std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  if (__builtin_add_overflow(a, b, &out)) {
    return b < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
  }
  return out;
}
std::int64_t saturating_multiply(std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  if (__builtin_mul_overflow(a, b, &out)) {
    return (a < 0) == (b < 0) ? std::numeric_limits<std::int64_t>::max()
                              : std::numeric_limits<std::int64_t>::min();
  }
  return out;
}

// Digits at the front of `text`, taken off; nothing when there are none.
std::optional<std::int64_t> take_digits(std::string_view& text) {
  if (text.empty() || !is_digit(text.front())) {
    return {};
  }
  std::int64_t value = 0;
  while (!text.empty() && is_digit(text.front())) {
    value = saturating_add(saturating_multiply(value, 10), text.front() - '0');
    text.remove_prefix(1);
  }
  return value;
}

std::int64_t seconds_of_unit(char unit) {
  switch (unit) {
    case 'd':
      return 86400;
    case 'h':
      return 3600;
    case 'm':
      return 60;
    case 's':
      return 1;
    default:
      return 0;
  }
}

std::int64_t bytes_of_unit(char unit) {
  switch (ascii_upper(unit)) {
    case 'G':
      return std::int64_t{1} << 30;
    case 'M':
      return std::int64_t{1} << 20;
    case 'K':
      return std::int64_t{1} << 10;
    default:
      return 0;
  }
}

int digit_value(char c) {
  if (is_digit(c)) {
    return c - '0';
  }
  return is_alpha(c) ? ascii_lower(c) - 'a' + 10 : 99;
}

}  // namespace

std::span<const OptionRow> option_rows() { return rows; }

Type OptionRow::type_in(Release release) const {
  if ((type == Type::duration && release < from(3, 2)) || (type == Type::bytesize && release < from(3, 8))) {
    return Type::integer;
  }
  return type;
}

std::string_view OptionRow::default_in(Release release) const {
  std::string_view value;
  for (const OptionDefault& row : defaults) {
    if (row.since <= release) {
      value = row.value;
    }
  }
  return value;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 2 && text[0] == '0' && ascii_lower(text[1]) == 'x') {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
  }
  if (text.empty()) {
    return {};
  }
  std::int64_t value = 0;
  for (const char c : text) {
    const int digit = digit_value(c);
    if (digit >= base) {
      return {};
    }
    value = saturating_add(saturating_multiply(value, base), negative ? -digit : digit);
  }
  return value;
}

Result<std::string> canonical_value(const OptionRow& row, Release release, std::string_view value) {
  switch (row.type_in(release)) {
    case Type::string:
      return std::string(value);
    case Type::integer:
      if (const auto number = parse_integer(value)) {
        return std::to_string(*number);
      }
      return make_error(Errc::config, "non-integer value");
    case Type::toggle:
      return canonical_switch(value);
    case Type::word:
    case Type::list_word:
      return canonical_word(row, release, value);
    case Type::bits:
      return canonical_bits(row, release, value);
    case Type::duration: {
      CYR_CHECK(parse_duration(value, row.unit()));
      return std::string(value);
    }
    case Type::bytesize: {
      CYR_CHECK(parse_bytesize(value, row.unit()));
      return std::string(value);
    }
  }
  return std::string(value);
}

Result<std::int64_t> parse_duration(std::string_view text, char unit) {
  std::string_view rest = text;
  const bool negative = !rest.empty() && rest.front() == '-';
  if (negative) {
    rest.remove_prefix(1);
  }
  std::int64_t total = 0;
  bool any = false;
  while (const auto number = take_digits(rest)) {
    any = true;
    const std::int64_t factor = seconds_of_unit(rest.empty() ? unit : rest.front());
    if (factor == 0) {
      break;
    }
    total = saturating_add(total, saturating_multiply(*number, factor));
    rest.remove_prefix(rest.empty() ? 0 : 1);
  }
  if (!any || !rest.empty()) {
    return make_error(Errc::config, "unparsable duration '" + printable(text) + "'");
  }
  return negative ? -total : total;
}

Result<std::int64_t> parse_bytesize(std::string_view text, char unit) {
  const auto bad = [&] {
    return make_error(Errc::config, "unparsable byte value '" + printable(text) + "'");
  };
  std::string_view rest = text;
  const bool negative = !rest.empty() && rest.front() == '-';
  if (negative) {
    rest.remove_prefix(1);
  }
  const auto number = take_digits(rest);
  if (!number) {
    return bad();
  }
  std::int64_t factor = 1;
  if (rest.empty()) {
    factor = std::max<std::int64_t>(bytes_of_unit(unit), 1);
  }
  while (!rest.empty() && is_space(rest.front())) {
    rest.remove_prefix(1);
  }
  if (!rest.empty() && bytes_of_unit(rest.front()) != 0) {
    factor = bytes_of_unit(rest.front());
    rest.remove_prefix(1);
    if (!rest.empty() && rest.front() == 'i') {
      rest.remove_prefix(1);
    }
  }
  if (!rest.empty() && rest.front() == 'B') {
    rest.remove_prefix(1);
  }
  if (!rest.empty()) {
    return bad();
  }
  return saturating_multiply(negative ? -*number : *number, factor);
}

}  // namespace cyr::conf

#include "format/text/imap_date.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <optional>

#include "format/base/text.h"

namespace cyr::text {

namespace {

constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<unsigned> number_at(std::string_view text, std::size_t at, std::size_t length, unsigned most) {
  if (at + length > text.size()) {
    return {};
  }
  const auto value = parse_number<unsigned>(text.substr(at, length));
  return value && *value <= most ? value : std::nullopt;
}

// "Jan" is 1.
std::optional<unsigned> month_of(std::string_view name) {
  for (unsigned i = 0; i < months.size(); ++i) {
    if (equal_ignoring_case(months[i], name)) {
      return i + 1;
    }
  }
  return {};
}

// "+0130" in seconds.
std::optional<std::int64_t> zone_of(std::string_view text) {
  constexpr std::size_t length = 5;
  const bool sign = !text.empty() && (text[0] == '+' || text[0] == '-');
  const auto hours = number_at(text, 1, 2, 23);
  const auto minutes = number_at(text, 3, 2, 59);
  if (text.size() != length || !sign || !hours || !minutes) {
    return {};
  }
  const std::int64_t seconds = std::int64_t{*hours} * 3600 + std::int64_t{*minutes} * 60;
  return text[0] == '-' ? -seconds : seconds;
}

}  // namespace

Result<std::int64_t> parse_imap_date_time(std::string_view text) {
  const Error bad = make_error(Errc::invalid, "'" + printable(text) + "' is no date and time");
  std::string padded(text.starts_with(' ') ? text.substr(1) : text);
  if (padded.size() > 1 && padded[1] == '-') {
    padded.insert(0, "0");
  }
  const std::string_view date(padded);
  constexpr std::string_view shape = "dd-mmm-yyyy hh:mm:ss +zzzz";
  if (date.size() != shape.size() || date[2] != '-' || date[6] != '-' || date[11] != ' ' || date[14] != ':' ||
      date[17] != ':' || date[20] != ' ') {
    return bad;
  }
  const auto day = number_at(date, 0, 2, 31);
  const auto month = month_of(date.substr(3, 3));
  const auto year = number_at(date, 7, 4, 9999);
  const auto hour = number_at(date, 12, 2, 23);
  const auto minute = number_at(date, 15, 2, 59);
  const auto second = number_at(date, 18, 2, 60);
  const auto zone = zone_of(date.substr(21));
  if (!day || !month || !year || !hour || !minute || !second || !zone) {
    return bad;
  }
  const std::chrono::year_month_day civil{std::chrono::year(static_cast<int>(*year)),
                                          std::chrono::month(*month), std::chrono::day(*day)};
  if (!civil.ok()) {
    return bad;
  }
  const std::int64_t days = std::chrono::sys_days(civil).time_since_epoch().count();
  return days * 86400 + std::int64_t{*hour} * 3600 + std::int64_t{*minute} * 60 + *second - *zone;
}

std::string print_imap_date_time(std::int64_t seconds) {
  const auto time = std::chrono::sys_seconds(std::chrono::seconds(seconds));
  const auto midnight = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day civil(midnight);
  const std::chrono::hh_mm_ss clock(time - midnight);
  return fmt::format("{:2}-{}-{:04} {:02}:{:02}:{:02} +0000", static_cast<unsigned>(civil.day()),
                     months[static_cast<unsigned>(civil.month()) - 1], static_cast<int>(civil.year()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace cyr::text

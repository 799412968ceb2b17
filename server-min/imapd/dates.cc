// See dates.h.
#include "server-min/imapd/dates.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

#include "format/base/text.h"

namespace cyr::imapd {

namespace {

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<int> month_number(std::string_view name) {
  for (std::size_t i = 0; i < kMonths.size(); ++i) {
    if (equal_ignoring_case(name, kMonths[i])) {
      return static_cast<int>(i);
    }
  }
  return {};
}

bool is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int days_in_month(int month, int year) {
  constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kDays[static_cast<std::size_t>(month)] + (month == 1 && is_leap(year) ? 1 : 0);
}

// "1-Feb-1994" or " 1-Feb-1994" at the front of `text`, which is shortened by it.
std::optional<std::tm> take_date(std::string_view& text) {
  if (!text.empty() && text.front() == ' ') {
    text.remove_prefix(1);
  }
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos || dash == 0 || dash > 2 || text.size() < dash + 9) {
    return {};
  }
  const auto day = parse_number<unsigned>(text.substr(0, dash));
  const auto month = month_number(text.substr(dash + 1, 3));
  const auto year = parse_number<unsigned>(text.substr(dash + 5, 4));
  if (!day || !month || !year || text[dash + 4] != '-' || *day == 0 ||
      *day > static_cast<unsigned>(days_in_month(*month, static_cast<int>(*year)))) {
    return {};
  }
  text.remove_prefix(dash + 9);
  std::tm parts{};
  parts.tm_mday = static_cast<int>(*day);
  parts.tm_mon = *month;
  parts.tm_year = static_cast<int>(*year) - 1900;
  parts.tm_isdst = -1;
  return parts;
}

// "+0130" in seconds.
std::optional<int> zone_offset(std::string_view text) {
  if (text.size() != 5 || (text[0] != '+' && text[0] != '-')) {
    return {};
  }
  const auto hours = parse_number<unsigned>(text.substr(1, 2));
  const auto minutes = parse_number<unsigned>(text.substr(3, 2));
  if (!hours || !minutes || *minutes > 59) {
    return {};
  }
  const int seconds = static_cast<int>(*hours * 3600 + *minutes * 60);
  return text[0] == '-' ? -seconds : seconds;
}

}  // namespace

std::optional<Day> parse_day(std::string_view text) {
  auto parts = take_date(text);
  if (!parts || !text.empty()) {
    return {};
  }
  Day day;
  std::tm start = *parts;
  day.start = std::mktime(&start);
  ++parts->tm_mday;
  day.end = std::mktime(&*parts);
  return day;
}

std::optional<std::int64_t> parse_date_time(std::string_view text) {
  auto parts = take_date(text);
  if (!parts || text.size() != 15 || text[0] != ' ' || text[3] != ':' || text[6] != ':' || text[9] != ' ') {
    return {};
  }
  const auto hour = parse_number<unsigned>(text.substr(1, 2));
  const auto minute = parse_number<unsigned>(text.substr(4, 2));
  const auto second = parse_number<unsigned>(text.substr(7, 2));
  const auto zone = zone_offset(text.substr(10));
  if (!hour || !minute || !second || !zone || *hour > 23 || *minute > 59 || *second > 60) {
    return {};
  }
  parts->tm_hour = static_cast<int>(*hour);
  parts->tm_min = static_cast<int>(*minute);
  parts->tm_sec = static_cast<int>(*second);
  return static_cast<std::int64_t>(timegm(&*parts)) - *zone;
}

std::string print_date_time(std::int64_t seconds) {
  const auto when = static_cast<std::time_t>(seconds);
  std::tm parts{};
  localtime_r(&when, &parts);
  const long offset = parts.tm_gmtoff / 60;
  return fmt::format("\"{:2}-{}-{:04} {:02}:{:02}:{:02} {}{:02}{:02}\"", parts.tm_mday,
                     kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour,
                     parts.tm_min, parts.tm_sec, offset < 0 ? '-' : '+', std::abs(offset) / 60,
                     std::abs(offset) % 60);
}

}  // namespace cyr::imapd

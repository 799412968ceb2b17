// The Date field. The time of the C library's local zone is needed for sentdate; everything else is
// arithmetic.
#include "format/mime/date.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <functional>

#include "format/base/text.h"

namespace cyr::mime {

namespace {

constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::size_t kMostYearDigits = 10;
constexpr std::int64_t kDay = 86400;
constexpr std::int64_t kHour = 3600;

struct WrittenDate {
  int year = 0;
  int month = 0;  // 1-12
  int day = 0;    // as written, 0-99
};

// Days from 1970-01-01 to a day of the proleptic Gregorian calendar; days outside the month count on.
std::int64_t days_from_civil(std::int64_t year, int month, int day) {
  const std::int64_t y = month <= 2 ? year - 1 : year;
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const std::int64_t year_of_era = y - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

class DateReader {
 public:
  explicit DateReader(std::string_view text) : text_(text) {}

  std::optional<WrittenDate> date() {
    skip_blank();
    if (is_alpha(peek())) {
      if (token().size() != 3 || peek() != ',') {
        return {};
      }
      ++at_;
      skip_blank();
    }
    WrittenDate out;
    const auto day = number(2);
    if (!day) {
      return {};
    }
    out.day = *day;
    skip_separator();
    const auto month = month_name();
    if (!month) {
      return {};
    }
    out.month = *month;
    skip_separator();
    const std::string_view digits = token();
    const auto year = parse_number<std::uint64_t>(digits);
    if (!year || digits.size() > kMostYearDigits) {
      return {};
    }
    // Cyrus counts in an int, so that a year of ten digits wraps.
    out.year = static_cast<std::int32_t>(static_cast<std::uint32_t>(*year));
    if (digits.size() == 2) {
      out.year += out.year < 70 ? 2000 : 1900;
    }
    if (out.year < 1900 || read_8bit()) {
      return {};
    }
    return out;
  }

  // Seconds of the day; nothing if it is malformed.
  std::optional<std::int64_t> time() {
    skip_blank();
    const auto hour = number(2);
    if (!hour || !time_separator()) {
      return {};
    }
    const auto minute = number(2);
    if (!minute) {
      return {};
    }
    int second = 0;
    if (time_separator()) {
      const auto value = number(2);
      if (!value) {
        return {};
      }
      second = *value;
    }
    return *hour * kHour + *minute * 60 + second;
  }

  // True if what was read so far, or what stopped it, has an 8-bit byte: Cyrus looks such a byte up outside
  // of a table, with arbitrary results. Behind the zone, in a comment, they do no harm.
  [[nodiscard]] bool read_8bit() const {
    const std::string_view read = text_.substr(0, at_ + 1);
    return std::any_of(read.begin(), read.end(),
                       [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  }

  // Seconds east of UTC; 0 for everything that is not understood.
  std::int64_t zone() {
    skip_blank();
    const char sign = peek();
    if (sign == '+' || sign == '-') {
      ++at_;
    }
    const std::string_view name = token();
    if (name.size() == 4 && name.find_first_not_of("0123456789") == std::string_view::npos) {
      const std::int64_t offset = ((name[0] - '0') * 10 + (name[1] - '0')) * kHour +
                                  ((name[2] - '0') * 10 + (name[3] - '0')) * std::int64_t{60};
      return sign == '+' ? offset : -offset;
    }
    if (name.size() == 3) {
      return american_zone(name) * kHour;
    }
    return name.size() == 1 ? military_zone(name[0]) * kHour : 0;
  }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_blank() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\r' || peek() == '\n') {
      ++at_;
    }
  }
  // One byte of any kind, then blanks.
  void skip_separator() {
    at_ = std::min(at_ + 1, text_.size());
    skip_blank();
  }
  std::string_view token() {
    const std::size_t start = at_;
    while (is_alnum(peek())) {
      ++at_;
    }
    return text_.substr(start, at_ - start);
  }
  std::optional<int> number(std::size_t most_digits) {
    const std::string_view digits = token();
    return digits.size() > most_digits ? std::nullopt : parse_number<int>(digits);
  }
  bool time_separator() {
    const bool there = peek() == ':' || peek() == '.';
    at_ += there ? 1 : 0;
    return there;
  }
  std::optional<int> month_name() {
    const std::string_view name = token();
    for (std::size_t i = 0; i < kMonths.size(); ++i) {
      if (equal_ignoring_case(name, kMonths[i])) {
        return static_cast<int>(i) + 1;
      }
    }
    return {};
  }

  // EST, PDT and their like: the first letter says the zone, D the hour more.
  static std::int64_t american_zone(std::string_view name) {
    if (ascii_upper(name[2]) != 'T') {
      return 0;
    }
    constexpr std::string_view letters = "AECMPYHB";
    constexpr std::array<int, 8> hours{-4, -5, -6, -7, -8, -9, -10, -11};
    const std::size_t which = letters.find(ascii_upper(name[0]));
    const char second = ascii_upper(name[1]);
    if (which == std::string_view::npos || (second != 'D' && second != 'S')) {
      return 0;
    }
    return hours[which] + (second == 'D' ? 1 : 0);
  }

  // Computed on the byte, as Cyrus does: lower-case letters and digits give odd results.
  static std::int64_t military_zone(char c) {
    const char lower = ascii_lower(c);
    if (lower == 'j' || lower == 'z') {
      return 0;
    }
    if (lower < 'j') {
      return c - 'A' + 1;
    }
    return lower < 'n' ? c - 'A' : 'M' - c;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::optional<std::uint32_t> stored(std::int64_t seconds, bool refused) {
  const auto word = static_cast<std::uint32_t>(static_cast<std::uint64_t>(seconds));
  return refused || word == 0 ? std::nullopt : std::optional(word);
}

// What mktime() has said of days. With TZ unset it looks at /etc/localtime each time, under a lock of the
// whole process, which is more than the rest of a small message takes; a process goes on with the zone that
// it began with. One word an entry, so that threads need no lock: what was asked (time zone, day, hour) and
// how many seconds the answer is behind UTC.
class LocalTimes {
 public:
  [[nodiscard]] std::optional<std::int64_t> find(std::int64_t day, int hour) const {
    const auto key = key_of(day, hour);
    const std::uint64_t entry = key ? at(*key).load(std::memory_order_relaxed) : 0;
    if (!key || entry >> kBehindBits != *key) {
      return {};
    }
    const auto behind = static_cast<std::int64_t>(entry & kBehindMask) - kMostBehind;
    return utc(day, hour) + behind;
  }

  void keep(std::int64_t day, int hour, std::int64_t answer) {
    const std::int64_t behind = answer - utc(day, hour);
    const auto key = key_of(day, hour);
    if (key && answer != -1 && behind >= -kMostBehind && behind < kMostBehind) {
      at(*key).store(*key << kBehindBits | static_cast<std::uint64_t>(behind + kMostBehind),
                     std::memory_order_relaxed);
    }
  }

 private:
  static constexpr unsigned kBehindBits = 19;
  static constexpr std::uint64_t kBehindMask = (std::uint64_t{1} << kBehindBits) - 1;
  static constexpr std::int64_t kMostBehind = std::int64_t{1} << (kBehindBits - 1);  // seconds: three days
  static constexpr std::int64_t kMostDays = std::int64_t{1} << 23U;  // from 1970, 22,000 years
  static constexpr std::size_t kEntries = 4096;                      // days: eleven years

  static std::int64_t utc(std::int64_t day, int hour) { return day * kDay + hour * std::int64_t{3600}; }
  // Never 0: an entry that was not filled has nothing.
  static std::optional<std::uint64_t> key_of(std::int64_t day, int hour) {
    if (day < -kMostDays || day >= kMostDays || hour < 0 || hour > 23) {
      return {};
    }
    const char* const zone = std::getenv("TZ");  // NOLINT(concurrency-mt-unsafe): nobody sets the environment
    const auto zone_hash = zone == nullptr ? 0 : std::hash<std::string_view>()(zone) % 0xffffU + 1;
    return (static_cast<std::uint64_t>(zone_hash) << 29U | static_cast<std::uint64_t>(hour + 1) << 24U |
            static_cast<std::uint64_t>(day + kMostDays));
  }
  [[nodiscard]] std::atomic<std::uint64_t>& at(std::uint64_t key) const { return entries_[key % kEntries]; }

  mutable std::array<std::atomic<std::uint64_t>, kEntries> entries_{};
};

std::int64_t local_time(std::tm day, int hour) {
  static LocalTimes known;
  const std::int64_t number = days_from_civil(day.tm_year + 1900, day.tm_mon + 1, day.tm_mday);
  if (const auto answer = known.find(number, hour)) {
    return *answer;
  }
  day.tm_hour = hour;
  day.tm_min = 0;
  day.tm_sec = 0;
  day.tm_isdst = -1;
  const std::int64_t answer = std::mktime(&day);
  known.keep(number, hour, answer);
  return answer;
}

bool refuses(std::int64_t seconds, const CacheProfile& profile) {
  return profile.negative_dates ? seconds == -1 : seconds < 0;
}

}  // namespace

std::optional<std::uint32_t> sent_day(std::string_view date, const CacheProfile& profile) {
  const auto written = DateReader(date).date();
  if (!written) {
    return {};
  }
  std::tm day{};
  day.tm_year = written->year - 1900;
  day.tm_mon = written->month - 1;
  day.tm_mday = written->day;
  const std::int64_t seconds = local_time(day, profile.sentdate_hour);
  return stored(seconds, refuses(seconds, profile));
}

std::optional<std::uint32_t> sent_time(std::string_view date, const CacheProfile& profile) {
  DateReader reader(date);
  const auto written = reader.date();
  const auto time = written ? reader.time() : std::nullopt;
  if (!time) {
    return {};
  }
  const std::int64_t seconds = days_from_civil(written->year, written->month, written->day) * kDay + *time;
  const std::int64_t zone = reader.zone();
  return stored(seconds - zone, refuses(seconds, profile) || reader.read_8bit());
}

std::uint32_t local_midnight(std::time_t when) {
  std::tm day{};
  if (localtime_r(&when, &day) == nullptr) {
    return 0;
  }
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(local_time(day, 0)));
}

}  // namespace cyr::mime

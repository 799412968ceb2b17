#include "server-min/master/service_table.h"

#include <algorithm>
#include <cmath>
#include <ctime>

#include "format/base/text.h"

namespace cyr::master {
namespace {

constexpr auto pause_after_too_many = std::chrono::milliseconds(400);
constexpr auto short_life = std::chrono::seconds(10);
constexpr int most_doublings = 6;  // 1 s to 60 s
constexpr std::int64_t day = 86400;

}  // namespace

void ForkRate::decay(Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - last_).count();
  rate_ = last_ == Clock::time_point{} ? 0 : rate_ * std::exp2(-std::max(0.0, seconds));
  last_ = now;
}

void ForkRate::add(Clock::time_point now) {
  decay(now);
  rate_ += std::log(2.0);  // so that n forks a second come to n
}

Clock::time_point ForkRate::next(Clock::time_point now) {
  decay(now);
  return most_ > 0 && rate_ >= most_ ? now + pause_after_too_many : now;
}

void BackOff::ended(Clock::duration age, bool failed, Clock::time_point now) {
  if (!failed || age > short_life) {
    failures_ = 0;
    until_ = {};
    return;
  }
  const int seconds = std::min(60, 1 << std::min(failures_, most_doublings));
  failures_ += 1;
  until_ = now + std::chrono::seconds(seconds);
}

bool Instance::may_fork(Clock::time_point now) {
  return !gone && (most_children < 0 || active < most_children) && back_off.until() <= now &&
         rate.next(now) <= now;
}

std::optional<int> parse_time_of_day(std::string_view text) {
  const auto number = text.size() == 4 || text.size() == 3 ? parse_number<int>(text) : std::nullopt;
  if (!number || *number < 0 || *number / 100 > 23 || *number % 100 > 59) {
    return {};
  }
  return *number / 100 * 3600 + *number % 100 * 60;
}

std::int64_t next_at(int seconds_of_day, std::int64_t now) {
  for (int days = 0; days < 3; ++days) {
    const std::time_t base = now;
    std::tm when{};
    ::localtime_r(&base, &when);
    when.tm_mday += days;
    when.tm_hour = seconds_of_day / 3600;
    when.tm_min = seconds_of_day % 3600 / 60;
    when.tm_sec = 0;
    when.tm_isdst = -1;
    const std::int64_t moment = std::mktime(&when);
    if (moment > now) {
      return moment;
    }
  }
  return now + day;
}

bool Event::schedule(std::int64_t now) {
  if (const auto at = parse_time_of_day(entry.text("at"))) {
    next = next_at(*at, now);
    return true;
  }
  const std::int64_t minutes = entry.integer("period", 0);
  next = now + minutes * 60;
  return minutes > 0;
}

}  // namespace cyr::master

#include "format/base/log.h"

#include <syslog.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

#include "format/base/text.h"

namespace cyr {

namespace {

LogSink& sink() {
  static LogSink current;
  return current;
}

int facility_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, int>, 12> known{{
      {"auth", LOG_AUTH},
      {"daemon", LOG_DAEMON},
      {"mail", LOG_MAIL},
      {"user", LOG_USER},
      {"local0", LOG_LOCAL0},
      {"local1", LOG_LOCAL1},
      {"local2", LOG_LOCAL2},
      {"local3", LOG_LOCAL3},
      {"local4", LOG_LOCAL4},
      {"local5", LOG_LOCAL5},
      {"local6", LOG_LOCAL6},
      {"local7", LOG_LOCAL7},
  }};
  const auto* const row = std::find_if(
      known.begin(), known.end(), [&](const auto& entry) { return equal_ignoring_case(entry.first, name); });
  return row == known.end() ? LOG_LOCAL6 : row->second;
}

}  // namespace

void set_log_sink(LogSink next) { sink() = std::move(next); }

void log_to_syslog(std::string_view ident, std::string_view facility) {
  static std::string kept;  // openlog keeps the pointer
  kept = ident;
  ::openlog(kept.c_str(), LOG_PID, facility_of(facility));
  set_log_sink([](LogLevel level, std::string_view line) {
    ::syslog(static_cast<int>(level), "%.*s", static_cast<int>(line.size()), line.data());
  });
}

void log_line(LogLevel level, std::string_view line) {
  static std::mutex mutex;
  const std::lock_guard hold(mutex);
  if (sink()) {
    sink()(level, printable(line));
  }
}

}  // namespace cyr

// What an administrator must be able to read later: syslog, as Cyrus does (facility, ident, PID). Messages
// for the person at the terminal are the programs' business, not this file's.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string>
#include <string_view>

namespace cyr {

enum class LogLevel : int {
  error = 3,
  warning = 4,
  notice = 5,
  info = 6,
  debug = 7
};  // syslog(3) severities

using LogSink = std::function<void(LogLevel level, std::string_view line)>;

// Replaces the sink (default: none, messages are dropped). Not thread-safe: main sets it once, tests around a
// case.
void set_log_sink(LogSink sink);

// Opens syslog with LOG_PID and sends the log there. `facility` is a name of syslog.conf(5), such as
// "local6"; an unknown one means local6, upstream's compiled default.
void log_to_syslog(std::string_view ident, std::string_view facility);

// One line, control characters replaced; thread-safe.
void log_line(LogLevel level, std::string_view line);

template <class... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  log_line(level, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace cyr

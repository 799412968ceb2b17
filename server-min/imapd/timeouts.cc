// See timeouts.h.
#include "server-min/imapd/timeouts.h"

#include <algorithm>

namespace cyr::imapd {

namespace {

constexpr std::int64_t kMinimumTimeout = 30 * 60;  // seconds

}  // namespace

std::chrono::seconds command_timeout(const conf::Config& config) {
  return std::chrono::seconds(std::max(config.seconds(conf::Option::timeout), kMinimumTimeout));
}

std::chrono::seconds idle_timeout(const conf::Config& config) {
  const std::int64_t own = config.seconds(conf::Option::imapidletimeout);
  return own > 0 ? std::chrono::seconds(own) : command_timeout(config);
}

}  // namespace cyr::imapd

// How long a client may say nothing.
#pragma once

#include <chrono>

#include "format/conf/imapd_conf.h"

namespace cyr::imapd {

// Between commands: `timeout`, never less than half an hour (RFC 3501 5.4).
std::chrono::seconds command_timeout(const conf::Config& config);

// In IDLE: `imapidletimeout`; not set or 0, the same as between commands.
std::chrono::seconds idle_timeout(const conf::Config& config);

}  // namespace cyr::imapd

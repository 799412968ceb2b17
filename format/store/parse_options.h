// How messages of a store are read: the settings of imapd.conf.
#pragma once

#include "format/conf/imapd_conf.h"
#include "format/mime/message.h"

namespace cyr::store {

// maxheaderlines, boundary_limit, rfc2046_strict and rfc2047_utf8; the cache profile is left to the caller
// (none: that of 3.6).
[[nodiscard]] mime::ParseOptions parse_options(const conf::Config& config);

}  // namespace cyr::store

#include "format/store/parse_options.h"

#include <algorithm>

namespace cyr::store {

mime::ParseOptions parse_options(const conf::Config& config) {
  const auto limit = [&config](conf::Option option) {
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(config.integer(option), 0, INT32_MAX));
  };
  mime::ParseOptions options;
  options.max_header_lines = limit(conf::Option::maxheaderlines);
  options.boundary_limit = limit(conf::Option::boundary_limit);
  options.rfc2046_strict = config.is_on(conf::Option::rfc2046_strict);
  options.rfc2047_utf8 = config.is_on(conf::Option::rfc2047_utf8);
  return options;
}

}  // namespace cyr::store

// What cyr_dbtool and cvt_cyrusdb have in common: the configuration may be absent, backends are named on the
// command line.
#pragma once

#include <optional>
#include <string>

#include "format/cli/common.h"
#include "format/db/database.h"

namespace cyr::quotatool {

// Reads the configuration, becomes the store's user, and gives what the configuration says about database
// files. A file that was not asked for and does not exist is not missed: then the program runs as whoever
// started it, with defaults.
Result<db::OpenOptions> start_database_program(const cli::CommonOptions& options, std::string_view ident);

// A backend's name; nothing for "auto". Errc::config (status 78, as Cyrus) for an unknown one.
Result<std::optional<db::Kind>> parse_backend(const std::string& name);

// "flat, skiplist, quotalegacy, twoskip", for help texts.
[[nodiscard]] std::string backend_list();

}  // namespace cyr::quotatool

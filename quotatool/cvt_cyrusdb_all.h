// cvt_cyrusdb --all: every database of a configured store.
#pragma once

#include <optional>
#include <string>

#include "format/cli/common.h"
#include "format/db/database.h"

namespace cyr::quotatool {

struct ConvertAll {
  cli::CommonOptions common;
  std::optional<db::Kind> to;  // nothing: what imapd.conf asks for
  bool dry_run = false;
  bool keep_old = true;
  bool quiet = false;
};

// Exit status 1 when a database could not be converted; the others are.
Result<int> convert_all(const ConvertAll& request);

}  // namespace cyr::quotatool

// The run of ipurge(8): which messages match, what is printed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/base/error.h"
#include "format/conf/imapd_conf.h"

namespace cyr::recon {

struct PurgeOptions {
  std::optional<std::int64_t> seconds;  // -d: age
  std::optional<std::int64_t> size;     // -b, -k, -m: bytes
  bool exact = false;
  bool by_delivery = false;
  bool invert = false;
  bool users_too = false;
  bool skip_flagged = false;
  bool only_deleted = false;
  bool not_below = false;  // * matches as % does
  std::vector<std::string> patterns;
  bool dry_run = false;
  bool json = false;
  bool verbose = false;
};

// The exit status: 0, or that of the first trouble.
Result<int> run_purge(std::shared_ptr<const conf::Config> config, const PurgeOptions& options);

}  // namespace cyr::recon

// The run of arbitron(8): the readers and subscribers of shared mailboxes, from the databases of all users.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/base/error.h"
#include "format/conf/imapd_conf.h"

namespace cyr::recon {

struct ArbitronOptions {
  std::vector<std::string> patterns;
  bool no_subscribers = false;
  bool user_ids = false;
  bool long_form = false;
  std::int64_t from = 0, until = 0;          // who read between these is a reader; seconds since 1970
  std::optional<std::int64_t> prune_before;  // seen records last read before are removed
  bool dry_run = false;
  bool json = false;
};

// The exit status: 0, or that of the first trouble.
Result<int> run_arbitron(std::shared_ptr<const conf::Config> config, const ArbitronOptions& options);

}  // namespace cyr::recon

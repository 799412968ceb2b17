// The run of unexpunge(8): which mailboxes, which messages, what is printed.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "format/conf/imapd_conf.h"
#include "recon/companion.h"

namespace cyr::recon {

struct UnexpungeOptions {
  bool list = false;
  std::string mailbox;                      // name or pattern; empty: all (with `list`)
  std::set<std::uint32_t> uids = {};        // empty: all
  std::optional<std::int64_t> within = {};  // expunged at most so many seconds ago
  store::RestoreOptions restore = {};
  std::string user_flag = {};  // name of a flag to set; empty: none
  bool recursive = false;
  bool ignore_quota = false;
  bool dry_run = false;
  bool json = false;
  bool verbose = false;
};

// The exit status: 0, or that of the first trouble.
Result<int> run_unexpunge(std::shared_ptr<const conf::Config> config, const UnexpungeOptions& options);

}  // namespace cyr::recon

// The run of cyr_expire(8): archive, expire and erase messages, prune databases, remove deleted mailboxes, in
// the order of Cyrus (tools.md 6.5).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "format/base/error.h"
#include "format/conf/imapd_conf.h"

namespace cyr::recon {

struct ExpireOptions {
  // Seconds; nothing: not asked for.
  std::optional<std::int64_t> archive, removal, expire, expunge;
  bool inherit = false;             // annotations of mailboxes above count in stores of 3.6 to 3.10, too
  bool skip_annotations = false;    // -a
  bool keep_conversations = false;  // -c
  bool keep_messages = false;       // -x
  bool prune_flags = false;         // -t
  std::string prefix, user;         // as an administrator writes them; empty: all
  bool dry_run = false;
  bool json = false;
  bool verbose = false;
};

// The exit status: 0, or that of the first trouble.
Result<int> run_expire(std::shared_ptr<const conf::Config> config, const ExpireOptions& options);

}  // namespace cyr::recon

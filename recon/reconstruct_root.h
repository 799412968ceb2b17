// --root: a configuration for a store that has none.
#pragma once

#include "format/conf/imapd_conf.h"

namespace cyr::recon {

// Made up from the tree below `root` (conf/store_layout.h), with the partition names that the mailbox list
// uses. Says on stderr what it is, line by line, and what was assumed.
Result<conf::Config> config_of_root(const fs::path& root);

}  // namespace cyr::recon

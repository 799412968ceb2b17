// An imapd.conf made up from what a directory tree looks like, for a store whose own one is lost (reconstruct
// -m
// --root). Only what decides where things lie and how names are written; everything else has its default.
#pragma once

#include <string>
#include <vector>

#include "format/base/io.h"

namespace cyr::conf {

struct StoreLayout {
  std::string text;                // imapd.conf
  std::vector<std::string> notes;  // what could not be told and was assumed
};

// Looks at the tree below `root`, breadth first, at most kMostDirectories directories. Errc::not_found:
// nothing in it looks like a configdirectory, or nothing like a partition.
//   configdirectory     the directory with mailboxes.db, quota/, user/, db/ ...
//   partition-NAME      where mailbox directories begin: before user/, DELETED/ or uuid/, less hash letters
//   and
//                       domains. The first one is `default`, others are named after their directory
//   metapartition-NAME  a root with headers and no messages whose directories are those of a spool
//   archivepartition-NAME  the reverse
//   hashimapspool, fulldirhash, virtdomains, unixhierarchysep  from hash letters, domain/, '^' in names
inline constexpr std::size_t kMostDirectories = 200000;
Result<StoreLayout> detect_store_layout(Io& io, const fs::path& root);

}  // namespace cyr::conf

// Which options of imapd.conf say where a store keeps its things, and the same configuration for a copy of
// the store: each path of the original below one directory, "/var/spool/imap" as "DIR/var/spool/imap".
#pragma once

#include <string>
#include <vector>

#include "format/conf/imapd_conf.h"

namespace cyr::conf {

struct StorePlaces {
  // configdirectory, the roots of partitions, metadata, archive and search, sievedir. Sorted; none lies below
  // another one. They need not exist.
  std::vector<fs::path> directories;
  // Databases that an option puts elsewhere; those below a directory above are left out.
  std::vector<fs::path> files;
  // What servers make anew when they run: lock files, process files. Nobody needs a copy.
  std::vector<fs::path> passing;
};
[[nodiscard]] StorePlaces store_places(const Config& config);

// An imapd.conf with every option of the original and what it includes, in their order. Whatever is a place
// of the store, or of its sockets, locks and process files, lies below `top`.
[[nodiscard]] std::string relocated_text(const Config& config, const fs::path& top);

}  // namespace cyr::conf

// See own_files.h.
#include "server-min/session/own_files.h"

#include <algorithm>

namespace cyr::session {

OwnFiles::OwnFiles(const std::vector<fs::path>& paths) {
  for (const auto& path : paths) {
    if (const auto info = posix_io().stat(path)) {
      entries_.push_back({path, *info});
    }
  }
}

bool OwnFiles::changed() const {
  return std::any_of(entries_.begin(), entries_.end(), [](const Entry& entry) {
    const auto now = posix_io().stat(entry.path);
    return !now || !now->same_file(entry.first) || now->size != entry.first.size ||
           now->mtime != entry.first.mtime || now->mtime_nsec != entry.first.mtime_nsec;
  });
}

}  // namespace cyr::session

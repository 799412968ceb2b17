// Index files that lie where another mailbox's should be: live ones, and those that a repair of this or an
// earlier run has put aside there. Where the index of a mailbox is lost, its own one may be among them.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "format/store/store.h"

namespace cyr::check {

struct StrayIndex {
  fs::path path;
  fs::path home;  // the place of the index of the mailbox where it lies; `path` itself when it is live
  std::uint32_t uidvalidity = 0;
};

// Thread-safe. The first call reads the headers of all indexes of mailboxes.db, some 20 microseconds each.
class StrayIndexes {
 public:
  const std::vector<StrayIndex>& all(store::Store& store);

 private:
  std::mutex mutex_;
  bool known_ = false;
  std::vector<StrayIndex> strays_;
};

}  // namespace cyr::check

// Mailboxes as the partitions have them, whatever mailboxes.db says: every directory with a cyrus.header or
// cyrus.index, and the list entry that header, index and path together amount to.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "format/store/store.h"

namespace cyr::check {

struct FoundMailbox {
  meta::MailboxEntry entry;   // name empty: nothing tells it
  fs::path directory;         // of cyrus.header
  bool by_id = false;         // lies in a directory named after its unique id
  bool header_sound = false;  // cyrus.header decodes
  bool has_index = false;
};

// Every mailbox directory of `partition` ("": of all), in the order of their names. What cannot be listed is
// left out and named in `unreadable`.
struct DiskScan {
  std::vector<FoundMailbox> mailboxes;
  std::vector<Error> unreadable;
};
Result<DiskScan> scan_partitions(store::Store& store, const std::string& partition = {},
                                 const std::atomic<bool>* stop = nullptr);

// The mailbox of a cyrus.header file or of its directory (reconstruct -P). Errc::not_found, or invalid when
// it lies below no partition or at a place where that mailbox cannot be.
Result<FoundMailbox> mailbox_at(store::Store& store, const fs::path& path);

}  // namespace cyr::check

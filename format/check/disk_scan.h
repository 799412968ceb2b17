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
  bool acl_sound = false;     // the access list stands in a part of the header that is whole
  bool has_index = false;
  bool dlist_header = false;   // as 3.6 and later write it
  unsigned minor_version = 0;  // of the index; 0: none can be read
  bool bare = false;           // message files only: header and index are lost, or on a root that is away
  std::int64_t changed = 0;    // mtime of cyrus.header, seconds since 1970; 0: none
};

// Every mailbox directory of `partition` ("": of all), in the order of their names. What cannot be listed is
// left out and named in `unreadable`.
struct DiskScan {
  std::vector<FoundMailbox> mailboxes;
  std::vector<Error> unreadable;
};
struct ScanOptions {
  std::string partition = {};               // "": all
  const std::atomic<bool>* stop = nullptr;  // Errc::cancelled when it becomes true
  unsigned jobs = 1;                        // threads that read headers
  bool bare = false;                        // directories with nothing but message files too
};
Result<DiskScan> scan_partitions(store::Store& store, const ScanOptions& options);
Result<DiskScan> scan_partitions(store::Store& store, const std::string& partition = {},
                                 const std::atomic<bool>* stop = nullptr);

// The mailbox of a cyrus.header file or of its directory (reconstruct -P). Errc::not_found, or invalid when
// it lies below no partition or at a place where that mailbox cannot be.
Result<FoundMailbox> mailbox_at(store::Store& store, const fs::path& path);

}  // namespace cyr::check

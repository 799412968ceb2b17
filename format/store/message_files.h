// What lies in the directories of a mailbox, sorted for a merge with the index.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/base/directory_files.h"
#include "format/store/store.h"

namespace cyr::store {

// A message file; 24 bytes, so that a mailbox of half a million messages fits in memory.
struct MessageFile {
  std::uint32_t uid = 0;
  std::uint32_t mtime_nsec = 0;
  std::uint64_t size : 63 = 0;     // bytes
  std::uint64_t archived : 1 = 0;  // lies in the archive directory
  std::int64_t mtime = 0;          // seconds
};

struct DirectoryListing {
  std::vector<MessageFile> messages;  // by UID; a UID in both places gives two, the spool's first
  std::vector<fs::path> odd;          // files that are nothing of Cyrus's, directory order
  std::vector<fs::path>
      misnamed;  // "007.", "0.": read as a UID by Cyrus, but not under the name it would look for
  std::vector<fs::path> leftovers;  // `<uid>..NEW` of an interrupted undo
  bool data_exists = false;         // the spool directory is there
};

enum class StatFiles : bool { no, yes };

// Lists spool and archive directory. With StatFiles::no sizes and times stay 0 (reconstruct -s). `threads`
// for a directory of very many files.
Result<DirectoryListing> list_message_files(Io& io, const MailboxFiles& files, StatFiles stat,
                                            unsigned threads = 1);

// Reads message files of one mailbox. May be used by several threads at once where the Io may.
class MessageReader {
 public:
  MessageReader(Io& io, const MailboxFiles& files);
  // `size` in bytes, when it is known: makes it quicker.
  [[nodiscard]] Result<FileBytes> read(std::uint32_t uid, bool archived, std::uint64_t size = 0) const;
  // Its first `wanted` bytes.
  [[nodiscard]] Result<FileStart> read_start(std::uint32_t uid, bool archived, std::uint64_t wanted) const;

 private:
  DirectoryFiles spool_;
  std::optional<DirectoryFiles> archive_;  // where it is another directory
};

}  // namespace cyr::store

// What a process that died in the middle of a change leaves, told apart from damage and from other people's
// files.
#pragma once

#include <cstdint>
#include <set>
#include <utility>

#include "format/mailbox/header.h"
#include "format/mailbox/index.h"
#include "format/store/store.h"

namespace cyr::store {

// cyrus.header is replaced just before the index gets its CRC; a header of this mailbox with another CRC that
// is newer than the index was meant. Any other wrong CRC is damage, for reconstruct.
struct HeaderAsRead {
  const mailbox::MailboxHeader& header;
  std::uint32_t crc = 0;  // of the file
  FileInfo info;
};
[[nodiscard]] bool header_outran_index(const mailbox::IndexHeader& index, const FileInfo& index_file,
                                       const HeaderAsRead& header, const meta::MailboxEntry& entry);
// The same for a header and an index that were just read; looks at their times only when the CRCs differ.
Result<bool> header_outran_index(Io& io, const fs::path& path, const mailbox::MailboxHeader& header,
                                 std::uint32_t crc, const mailbox::IndexHeader& index, const File& index_file,
                                 const meta::MailboxEntry& entry);

// UIDs for new messages of one mailbox. A file that has such a name already, and no record, may be what a
// process that died before it wrote the index had linked.
class FreeUids {
 public:
  FreeUids(Store& store, const MailboxFiles& files) : store_(store), files_(files) {}

  // The first UID above `last_uid` whose name is free. Messages that are still in the stage directory, too,
  // make room when nothing else stands above last_uid: they were acknowledged to nobody, and their bytes stay
  // in the stage directory. Others that have a second link (of a COPY) are passed over. Errc::corrupt for a
  // file without one: that is somebody's message, and keeps its UID for reconstruct. The caller holds the
  // mailbox's lock for changes.
  Result<std::uint32_t> after(std::uint32_t last_uid);

 private:
  using Inode = std::pair<std::uint64_t, std::uint64_t>;  // device and number
  enum class Name : std::uint8_t { free, passed_over };
  Result<Name> look_at(std::uint32_t uid, const fs::path& file);
  Result<bool> all_are_staged();
  Status read_stage();

  Store& store_;
  const MailboxFiles& files_;
  std::uint32_t last_uid_ = 0;  // of the index
  std::optional<bool> all_are_staged_;
  std::set<Inode> staged_;
};

// Removes the stage file that is the same file as a stored message: nobody is going to.
Status forget_stage_of(Store& store, const std::string& partition, const FileInfo& message);

}  // namespace cyr::store

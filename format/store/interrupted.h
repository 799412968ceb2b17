// What a process that died in the middle of a change leaves, told apart from damage and from other people's
// files.
#pragma once

#include "format/mailbox/index.h"
#include "format/store/store.h"

namespace cyr::store {

// cyrus.header is replaced just before the index gets its CRC; a header with another CRC that is newer than
// the index was meant. Any other wrong CRC is damage, for reconstruct.
[[nodiscard]] bool header_outran_index(const mailbox::IndexHeader& index, std::uint32_t header_crc,
                                       const FileInfo& header_file, const FileInfo& index_file);

// A message file that no record names, of a message that was acknowledged to nobody: it still is in the stage
// directory of its partition, too. The caller holds the mailbox's lock for changes.
[[nodiscard]] Result<bool> is_abandoned(Store& store, const std::string& partition, const FileInfo& file);

}  // namespace cyr::store

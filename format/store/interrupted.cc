#include "format/store/interrupted.h"

#include <tuple>

#include "format/mailbox/index_layout.h"

namespace cyr::store {

bool header_outran_index(const mailbox::IndexHeader& index, std::uint32_t header_crc,
                         const FileInfo& header_file, const FileInfo& index_file) {
  return mailbox::has_record_crc(index.minor_version) && header_crc != index.header_file_crc &&
         std::tie(header_file.mtime, header_file.mtime_nsec) >
             std::tie(index_file.mtime, index_file.mtime_nsec);
}

Result<bool> is_abandoned(Store& store, const std::string& partition, const FileInfo& file) {
  if (file.links < 2) {
    return false;
  }
  CYR_TRY(const fs::path root, store.partitions().root(partition, conf::RootKind::data));
  const fs::path stage = root / "stage.";
  const auto entries = store.io().list(stage);
  if (!entries) {
    return entries.error().code == Errc::not_found ? Result<bool>(false) : entries.error();
  }
  for (const auto& entry : *entries) {
    if (const auto info = store.io().stat(stage / entry.name); info && info->same_file(file)) {
      return true;
    }
  }
  return false;
}

}  // namespace cyr::store

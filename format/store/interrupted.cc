#include "format/store/interrupted.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "format/base/log.h"
#include "format/mailbox/index_layout.h"
#include "format/mailbox/message_file.h"

namespace cyr::store {

namespace {

Result<fs::path> stage_directory(Store& store, const std::string& partition) {
  CYR_TRY(const fs::path root, store.partitions().root(partition, conf::RootKind::data));
  return root / "stage.";
}

// No entries: there is no such directory.
Result<std::vector<DirEntry>> entries_of(Io& io, const fs::path& directory) {
  auto entries = io.list(directory);
  if (!entries && entries.error().code == Errc::not_found) {
    return std::vector<DirEntry>();
  }
  return entries;
}

}  // namespace

bool header_outran_index(const mailbox::IndexHeader& index, const FileInfo& index_file,
                         const HeaderAsRead& header, const meta::MailboxEntry& entry) {
  const bool ours =
      header.header.uniqueid.empty() || entry.uniqueid.empty() || header.header.uniqueid == entry.uniqueid;
  return mailbox::has_record_crc(index.minor_version) && header.crc != index.header_file_crc && ours &&
         std::tie(header.info.mtime, header.info.mtime_nsec) >
             std::tie(index_file.mtime, index_file.mtime_nsec);
}

Result<bool> header_outran_index(Io& io, const fs::path& path, const mailbox::MailboxHeader& header,
                                 std::uint32_t crc, const mailbox::IndexHeader& index, const File& index_file,
                                 const meta::MailboxEntry& entry) {
  if (!mailbox::has_record_crc(index.minor_version) || crc == index.header_file_crc) {
    return false;
  }
  CYR_TRY(const FileInfo info, io.stat(path));
  CYR_TRY(const FileInfo index_info, index_file.info());
  return header_outran_index(index, index_info, {header, crc, info}, entry);
}

Status FreeUids::read_stage() {
  CYR_TRY(const fs::path stage, stage_directory(store_, files_.place.partition));
  CYR_TRY(const auto entries, entries_of(store_.io(), stage));
  for (const auto& entry : entries) {
    if (const auto info = store_.io().lstat(stage / entry.name)) {
      staged_.insert({info->device, info->inode});
    }
  }
  return success();
}

// With a message above last_uid that is in no stage directory the index is an old one, and what is staged may
// have been acknowledged since.
Result<bool> FreeUids::all_are_staged() {
  if (all_are_staged_) {
    return *all_are_staged_;
  }
  CYR_CHECK(read_stage());
  bool all = true;
  for (const fs::path* directory : {&files_.data, &files_.archive}) {
    CYR_TRY(const auto entries, entries_of(store_.io(), *directory));
    for (const auto& entry : entries) {
      const auto uid = mailbox::parse_message_file_name(entry.name);
      if (uid && *uid > last_uid_) {
        const auto info = store_.io().lstat(*directory / entry.name);
        all = all && info && staged_.contains({info->device, info->inode});
      }
    }
  }
  all_are_staged_ = all;
  return all;
}

Result<FreeUids::Name> FreeUids::look_at(std::uint32_t uid, const fs::path& file) {
  const auto info = store_.io().lstat(file);
  if (!info) {
    return info.error().code == Errc::not_found ? Result<Name>(Name::free) : info.error();
  }
  if (info->links < 2) {
    return corrupt(fmt::format("a message file without a record has the next UID, {}", uid))
        .at(file)
        .with_hint("repair the mailbox with reconstruct first");
  }
  CYR_TRY(const bool abandoned, all_are_staged());
  if (!abandoned) {
    return Name::passed_over;
  }
  if (!store_.io().read_only()) {
    CYR_CHECK(store_.io().unlink(file));
  }
  return Name::free;
}

Result<std::uint32_t> FreeUids::after(std::uint32_t last_uid) {
  last_uid_ = all_are_staged_ ? last_uid_ : last_uid;
  for (std::uint32_t uid = last_uid; uid != UINT32_MAX;) {
    ++uid;
    CYR_TRY(auto name, look_at(uid, files_.message(uid, false)));
    if (name == Name::free && files_.has_archive()) {
      CYR_TRY(name, look_at(uid, files_.message(uid, true)));
    }
    if (name == Name::free) {
      if (uid != last_uid + 1) {
        log(LogLevel::warning, "{}: messages without records have UIDs {}:{}, which are passed over",
            files_.data.native(), last_uid + 1, uid - 1);
      }
      return uid;
    }
  }
  return make_error(Errc::invalid, "no UID is left").at(files_.index);
}

Status forget_stage_of(Store& store, const std::string& partition, const FileInfo& message) {
  if (message.links < 2) {
    return success();
  }
  CYR_TRY(const fs::path stage, stage_directory(store, partition));
  CYR_TRY(const auto entries, entries_of(store.io(), stage));
  for (const auto& entry : entries) {
    if (const auto info = store.io().lstat(stage / entry.name); info && info->same_file(message)) {
      CYR_CHECK(store.io().unlink(stage / entry.name));
    }
  }
  return success();
}

}  // namespace cyr::store

#include "format/store/message_files.h"

#include <algorithm>

#include "format/mailbox/message_file.h"

namespace cyr::store {

namespace {

struct Lister {
  Io& io;
  StatFiles stat;
  DirectoryListing& out;

  Status add_message(const fs::path& path, std::uint32_t uid, bool archived) {
    MessageFile file;
    file.uid = uid;
    file.archived = archived;
    if (stat == StatFiles::yes) {
      const auto info = io.stat(path);
      if (!info) {
        // Gone since the directory was read, or a dangling link: not there.
        return info.error().code == Errc::not_found ? success() : Status(info.error());
      }
      if (info->kind != FileKind::regular) {
        return success();
      }
      file.size = info->size & ((std::uint64_t{1} << 63U) - 1);
      file.mtime = info->mtime;
      file.mtime_nsec = info->mtime_nsec;
    }
    out.messages.push_back(file);
    return success();
  }

  Status add(const fs::path& directory, const DirEntry& entry, bool archived) {
    if (entry.kind == FileKind::directory) {
      return success();
    }
    switch (mailbox::classify_entry(entry.name)) {
      case mailbox::DirectoryEntry::hidden:
        return success();
      case mailbox::DirectoryEntry::cyrus_file:
        return success();
      case mailbox::DirectoryEntry::leftover:
        out.leftovers.push_back(directory / entry.name);
        return success();
      case mailbox::DirectoryEntry::odd:
        out.odd.push_back(directory / entry.name);
        return success();
      case mailbox::DirectoryEntry::message:
        break;
    }
    const auto uid = mailbox::parse_message_file_name(entry.name);
    if (!uid || *uid == 0 || mailbox::message_file_name(*uid) != entry.name) {
      out.misnamed.push_back(directory / entry.name);
      return success();
    }
    return add_message(directory / entry.name, *uid, archived);
  }

  Result<bool> read(const fs::path& directory, bool archived) {
    const auto entries = io.list(directory);
    if (!entries) {
      if (entries.error().code == Errc::not_found) {
        return false;
      }
      return entries.error();
    }
    out.messages.reserve(out.messages.size() + entries->size());  // growing would take half as much again
    for (const auto& entry : *entries) {
      CYR_CHECK(add(directory, entry, archived));
    }
    return true;
  }
};

}  // namespace

Result<DirectoryListing> list_message_files(Io& io, const MailboxFiles& files, StatFiles stat) {
  DirectoryListing out;
  Lister lister{io, stat, out};
  CYR_TRY(out.data_exists, lister.read(files.data, false));
  if (files.has_archive()) {
    CYR_TRY(const bool there, lister.read(files.archive, true));
    static_cast<void>(there);
  }
  std::sort(out.messages.begin(), out.messages.end(), [](const MessageFile& a, const MessageFile& b) {
    return a.uid != b.uid ? a.uid < b.uid : a.archived < b.archived;
  });
  return out;
}

}  // namespace cyr::store

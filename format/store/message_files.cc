#include "format/store/message_files.h"

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "format/base/directory_files.h"
#include "format/base/parallel.h"
#include "format/mailbox/message_file.h"

namespace cyr::store {

namespace {

constexpr std::size_t kLeastPart = 8192;  // files; fewer are not worth a thread

// What one thread makes of its part of a directory. Messages go where the caller has room for one per entry,
// so that half a million are not in memory twice.
class PartLister {
 public:
  PartLister(const fs::path& directory, const DirectoryFiles& files, StatFiles stat, bool archived)
      : directory_(directory), files_(files), stat_(stat), archived_(archived) {}

  void run(const std::vector<DirEntry>& entries, const Part& part, MessageFile* room) {
    for (std::size_t i = part.begin; i < part.end && status; ++i) {
      if (entries[i].kind != FileKind::directory) {
        status = add(entries[i].name, room + part.begin);
      }
    }
  }
  // Adds what was found; the messages are at the front of the part.
  void join(DirectoryListing& out) {
    const auto append = [](std::vector<fs::path>& to, std::vector<fs::path>& from) {
      std::move(from.begin(), from.end(), std::back_inserter(to));
    };
    append(out.odd, found_.odd);
    append(out.misnamed, found_.misnamed);
    append(out.leftovers, found_.leftovers);
  }

  std::size_t messages = 0;
  Status status;

 private:
  Status add(const std::string& name, MessageFile* room) {
    switch (mailbox::classify_entry(name)) {
      case mailbox::DirectoryEntry::hidden:
      case mailbox::DirectoryEntry::cyrus_file:
        return success();
      case mailbox::DirectoryEntry::leftover:
        found_.leftovers.push_back(directory_ / name);
        return success();
      case mailbox::DirectoryEntry::odd:
        found_.odd.push_back(directory_ / name);
        return success();
      case mailbox::DirectoryEntry::message:
        break;
    }
    const auto uid = mailbox::parse_message_file_name(name);
    if (!uid || *uid == 0 || mailbox::message_file_name(*uid) != name) {
      found_.misnamed.push_back(directory_ / name);
      return success();
    }
    return add_message(name, *uid, room);
  }

  Status add_message(const std::string& name, std::uint32_t uid, MessageFile* room) {
    MessageFile file;
    file.uid = uid;
    file.archived = archived_;
    if (stat_ == StatFiles::yes) {
      const auto info = files_.stat(name);
      if (!info) {
        // Gone since the directory was read, a dangling link or a loop of links: not there.
        const bool absent = info.error().code == Errc::not_found || info.error().sys_errno == ELOOP;
        return absent ? success() : Status(info.error());
      }
      if (info->kind != FileKind::regular) {
        return success();
      }
      file.size = info->size & ((std::uint64_t{1} << 63U) - 1);
      file.mtime = info->mtime;
      file.mtime_nsec = info->mtime_nsec;
    }
    room[messages++] = file;
    return success();
  }

  const fs::path& directory_;
  const DirectoryFiles& files_;
  StatFiles stat_;
  bool archived_;
  DirectoryListing found_;
};

struct Lister {
  Io& io;
  StatFiles stat;
  unsigned threads;
  DirectoryListing& out;

  // False: there is no such directory.
  Result<bool> read(const fs::path& directory, bool archived) {
    const auto entries = io.list(directory);
    if (!entries) {
      if (entries.error().code == Errc::not_found) {
        return false;
      }
      return entries.error();
    }
    const DirectoryFiles files(io, directory);
    const std::size_t before = out.messages.size();
    out.messages.resize(before + entries->size());
    MessageFile* const room = out.messages.data() + before;
    const std::size_t parts = parts_of(entries->size(), kLeastPart, threads);
    std::vector<PartLister> listers(parts, PartLister(directory, files, stat, archived));
    for_parts(entries->size(), parts,
              [&](const Part& part) { listers[part.number].run(*entries, part, room); });
    return join(listers, entries->size(), room);
  }

  Result<bool> join(std::vector<PartLister>& listers, std::size_t count, MessageFile* room) {
    MessageFile* end = room;
    for (std::size_t i = 0; i < listers.size(); ++i) {
      CYR_CHECK(listers[i].status);
      const MessageFile* const first = room + count * i / listers.size();
      end = std::copy(first, first + listers[i].messages, end);
      listers[i].join(out);
    }
    out.messages.resize(out.messages.size() - static_cast<std::size_t>(room + count - end));
    return true;
  }
};

}  // namespace

Result<DirectoryListing> list_message_files(Io& io, const MailboxFiles& files, StatFiles stat,
                                            unsigned threads) {
  DirectoryListing out;
  Lister lister{io, stat, threads, out};
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

MessageReader::MessageReader(Io& io, const MailboxFiles& files) : spool_(io, files.data) {
  if (files.has_archive()) {
    archive_.emplace(io, files.archive);
  }
}

Result<FileBytes> MessageReader::read(std::uint32_t uid, bool archived, std::uint64_t size) const {
  const DirectoryFiles& directory = archived && archive_ ? *archive_ : spool_;
  return directory.read(mailbox::message_file_name(uid), size);
}

Result<FileStart> MessageReader::read_start(std::uint32_t uid, bool archived, std::uint64_t wanted) const {
  const DirectoryFiles& directory = archived && archive_ ? *archive_ : spool_;
  return directory.read_start(mailbox::message_file_name(uid), wanted);
}

}  // namespace cyr::store

// One mailbox open for reading, as a session has it between SELECT and CLOSE: a copy of the index that only
// changes with refresh(), the cache, the message files (format/doc/operations.md).
//
// The mailbox's name lock is held shared all the time, as real imapd and pop3d do: while it is, nobody
// replaces cyrus.index and cyrus.cache or removes files of expunged messages, so every record of the view has
// its message. The index is locked only while it is read.
//
// A view and a MailboxEdit of the same mailbox exclude one another like two processes: no open() and no
// refresh() while this thread holds a MailboxEdit of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/mailbox/cache_reader.h"
#include "format/mailbox/header.h"
#include "format/mailbox/record_block.h"
#include "format/store/cached_message.h"
#include "format/store/locks.h"
#include "format/store/message_files.h"
#include "format/store/store.h"

namespace cyr::store {

// What refresh() found.
struct ViewChange {
  bool any = false;       // header or records
  bool replaced = false;  // the index is another file: a recno of before means nothing now, a UID does
  std::vector<std::uint32_t> changed;  // recnos of old records that differ, ascending (not when replaced)
  std::uint32_t first_new = 0;         // recno of the first new record; 0: no new one (not when replaced)
  bool header_file = false;            // cyrus.header: user flag names, ACL, quota root
};

// What a MailboxEdit of this process did, when nothing but records that were there already changed.
struct OwnChange {
  Buffer before, after;  // the index header's bytes when the edit was opened and when it was committed
  std::vector<std::uint32_t> recnos;
};

class MailboxView {
 public:
  // Errc::not_found without an index, or for a mailbox that is being deleted; corrupt, with a hint, for one
  // that has to be reconstructed first. With a read-only Io no lock file is made.
  static Result<std::unique_ptr<MailboxView>> open(Store& store, const meta::MailboxEntry& entry);

  [[nodiscard]] const meta::MailboxEntry& entry() const { return entry_; }
  [[nodiscard]] const MailboxFiles& files() const { return files_; }
  [[nodiscard]] const mailbox::MailboxHeader& header() const { return header_; }
  [[nodiscard]] const mailbox::IndexHeader& index() const { return index_; }  // with apply_read_defaults()
  // Expunged records included: look at flag::expunged.
  [[nodiscard]] const mailbox::RecordBlock& records() const { return records_; }

  // A process died between cyrus.header and the index: any commit of a MailboxEdit puts it right.
  [[nodiscard]] bool header_outran_index() const { return header_outran_index_; }

  // True when the index header on disk is not the one of the view, or, before v8, the file was written since:
  // one read, no lock. What an idle session asks.
  Result<bool> is_stale();
  // Takes over what changed since. Errc::not_found when the mailbox was deleted or renamed meanwhile. After
  // an error the index and its records are those of before, and is_stale() says so.
  // With `own`, after such an edit, no other record is looked at where the two headers show that nobody else
  // wrote since the last refresh.
  Result<ViewChange> refresh(OwnChange own = {});

  // The ten items of a message's cache record, valid until the next call; made anew from the message file, in
  // memory, when the cache is damaged or the record has none. `recno` as in records().
  Result<CachedMessage> cached(std::uint32_t recno);
  // The bytes of the message; mapped when large. Errc::corrupt when the file has another size than its
  // record says, not_found when it is gone.
  Result<FileBytes> message(std::uint32_t recno);
  // Its header alone, as long as the record says; the same errors.
  Result<FileBytes> message_header(std::uint32_t recno);
  [[nodiscard]] fs::path message_path(const mailbox::IndexRecord& record) const;

  // Ends the session: lets the locks go and does the clean-up that was postponed because of it (files of
  // expunged messages, repack), if no other session has the mailbox open. `now` in seconds since 1970.
  static Status close(std::unique_ptr<MailboxView> view, UserLocks& locks, std::int64_t now);

 private:
  MailboxView(Store& store, meta::MailboxEntry entry) : store_(store), entry_(std::move(entry)) {}
  // What is taken over together or not at all.
  struct IndexState {
    Buffer raw_header;  // as on disk
    mailbox::IndexHeader header;
    mailbox::RecordBlock records;
  };
  Status load();
  [[nodiscard]] Result<IndexState> read_index(const std::shared_ptr<File>& file,
                                              const mailbox::RecordBlock* before) const;
  void take_over(IndexState state);
  Result<bool> take_over(const OwnChange& own);
  Status read_header();
  MessageReader& message_files();
  [[nodiscard]] Error wrong_size(const mailbox::IndexRecord& record, std::uint64_t size) const;
  Result<bool> refresh_header();
  [[nodiscard]] bool is_archived(const mailbox::IndexRecord& record) const;
  Result<mailbox::CacheRecordView> cache_record(std::uint32_t recno, mailbox::IndexRecord record);

  Store& store_;
  meta::MailboxEntry entry_;
  MailboxFiles files_;
  bool has_archive_ = false;
  File name_lock_;
  std::shared_ptr<File> index_file_;   // records_ reads of it, too
  FileInfo header_info_, index_info_;  // as they were read
  std::uint32_t header_crc_ = 0;
  bool header_outran_index_ = false;
  Buffer index_header_;  // as on disk
  mailbox::MailboxHeader header_;
  mailbox::IndexHeader index_;
  mailbox::RecordBlock records_;
  std::optional<mailbox::CacheReader> cache_, archive_cache_;
  std::vector<bool> cache_crc_known_;  // by recno: the cache record's CRC was found right
  std::optional<MessageReader> message_files_;
};

}  // namespace cyr::store

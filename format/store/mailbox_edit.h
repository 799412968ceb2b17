// One mailbox open for changes: every operation on its messages in one place, with all that belongs to it -
// modseqs, counters, sync CRCs, quota usage, annotations, cache, message files (format/doc/operations.md;
// mailbox.md 3.5, 4.4, 7).
//
// Operations only collect; commit() writes, in the order of Cyrus, so that an interruption leaves the old
// mailbox, the new one, or one whose clean-up a server or the next run finishes (NEEDS_UNLINK, NEEDS_REPACK).
// With a read-only Io the operations compute everything and commit() does nothing.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/mailbox/cache_reader.h"
#include "format/mailbox/header.h"
#include "format/mailbox/index_file.h"
#include "format/mailbox/sync_crc.h"
#include "format/store/annotations.h"
#include "format/store/cached_message.h"
#include "format/store/conversation_update.h"
#include "format/store/interrupted.h"
#include "format/store/link_or_copy.h"
#include "format/store/locks.h"
#include "format/store/mailbox_view.h"
#include "format/store/message_change.h"
#include "format/store/quota_room.h"
#include "format/store/seen_state.h"
#include "format/store/staged_message.h"
#include "format/text/sequence_set.h"

namespace cyr::store {

// A record and its place in the index, 1-based.
struct NumberedRecord {
  std::uint32_t recno = 0;
  mailbox::IndexRecord record;
};

// What an index before version 12 needs that has a cyrus.expunge beside it, where a server of 2.3 put its
// expunged messages: tools that look for those refuse it, servers leave it alone and keep what they expunge
// in the index, as 3.x does.
enum class ExpungeFile : bool { refuse, leave_alone };

struct RestoreOptions {
  bool keep_uid = false;                      // the record itself comes back; else a copy gets the next UID
  bool undelete = false;                      // clears \Deleted
  std::optional<std::size_t> user_flag = {};  // bit to set, from user_flag()
};

class MailboxEdit {
 public:
  // Locks and reads it. `now` in seconds since 1970. Errc::not_found without an index, corrupt for one that
  // has to be reconstructed first, unsupported for one before version 12 that has a cyrus.expunge, unless
  // that is to be left alone.
  static Result<std::unique_ptr<MailboxEdit>> open(Store& store, const meta::MailboxEntry& entry,
                                                   UserLocks& locks, std::int64_t now,
                                                   ExpungeFile expunge_file = ExpungeFile::refuse);

  [[nodiscard]] const meta::MailboxEntry& entry() const { return entry_; }
  [[nodiscard]] const MailboxFiles& files() const { return files_; }
  [[nodiscard]] const mailbox::MailboxHeader& header() const { return header_; }
  [[nodiscard]] const mailbox::IndexHeader& index() const { return index_; }  // as it was opened

  // Every record in index order, with the changes made so far; `visit` may change the record it is given.
  // corrupt for a damaged record.
  Status for_each(const std::function<Status(const NumberedRecord& at)>& visit);

  // One record with the changes made so far. `recno` as a MailboxView of the same index gives it;
  // Errc::not_found when the record there is not that of `uid`.
  Result<NumberedRecord> at(std::uint32_t recno, std::uint32_t uid);

  // The last records as they are on disk, at most 64, oldest first; damaged ones are left out.
  Result<std::vector<NumberedRecord>> newest();
  // The bytes of a message, mapped.
  [[nodiscard]] Result<FileBytes> message(const mailbox::IndexRecord& record) const {
    return io_.read_file(message_path(record), 0);
  }
  [[nodiscard]] fs::path message_path(const mailbox::IndexRecord& record) const {
    return files_.message(record.uid, lies_in_archive(record));
  }

  // In whose name messages come and flags change: decides where \Seen and \Recent are kept. Nobody by
  // default: then in the index.
  void act_for(const names::UserId& user);
  [[nodiscard]] bool seen_in_index() const { return seen_in_index_; }

  // A new message; its UID. Errc::invalid for one with a fault or a bad flag name. Quota is not looked at:
  // ask over_quota() before. `message` must live until commit(), which links its file.
  Result<std::uint32_t> append(StagedMessage& message, const AppendOptions& options);
  // A copy of message `recno` of `from` with its date, GUID, cache record and user flags, hard-linked; its
  // UID. `from` may be this mailbox.
  Result<std::uint32_t> copy(MailboxView& from, std::uint32_t recno, const CopyOptions& options);
  // False when the message has these flags already: then nothing changes, the modseq neither.
  Result<bool> change_flags(const NumberedRecord& at, const FlagChange& change);
  // The user has been told of every message up to `uid`, or of all: none of them is \Recent any more.
  void claim_recent(std::optional<std::uint32_t> uid = {});

  // The ten items of the message's cache record; corrupt when it cannot be read.
  Result<CachedMessage> cached(const mailbox::IndexRecord& record);

  // A live message becomes EXPUNGED, and as expunge_mode says its file goes too. `moved`: it was copied to
  // another mailbox first, which also sets \Deleted.
  Status expunge(const NumberedRecord& at, bool moved = false);
  // Expunged messages last changed until `mark` (seconds; 0: none) lose their files and at the repack their
  // records; how many. Records that have lost their file before go at the repack too.
  Result<std::uint32_t> erase_expunged(std::uint64_t mark);
  // The first resource of the quota root that has no room for `demand` besides all changes so far; nothing:
  // it fits.
  Result<std::optional<meta::Resource>> over_quota(const QuotaDemand& demand);
  // Would the quota root take this message, and those restored so far? False: over quota.
  Result<bool> fits_quota(const NumberedRecord& at);
  // Brings an expunged message back; its UID from now on. Errc::not_found when its file is gone.
  Result<std::uint32_t> restore(const NumberedRecord& at, const RestoreOptions& options);
  // Moves a message to the archive partition.
  Status archive(const NumberedRecord& at);
  // The bit of the user flag `name`, which gets a free one if it has none. Errc::invalid for no flag name or
  // when all are taken.
  Result<std::size_t> user_flag(std::string_view name);
  // Takes the name of a bit away and clears it in expunged records. It must not be set in any other.
  Status remove_user_flag(std::size_t bit);

  Status commit();
  // After commit(): a session has the mailbox open, so files and records of erased messages are still there;
  // the server removes them when the session ends.
  [[nodiscard]] bool postponed() const { return postponed_; }
  // Messages changed although a conversations database of the owner that is of another release counts them;
  // it was left alone.
  [[nodiscard]] bool conversations_stale() const { return conversations_stale_; }

 private:
  MailboxEdit(Store& store, const meta::MailboxEntry& entry, std::int64_t now);
  Status load(UserLocks& locks, ExpungeFile expunge_file);
  // What a new record comes with.
  struct NewMessage {
    Bytes cache;
    fs::path file;                      // to be linked
    std::shared_ptr<bool> synced = {};  // of a staged one: its content is on the disk
    std::vector<MessageAnnotation> annotations = {};
    bool copied = false;
    std::uint32_t source_flags = 0;  // of a copy: system_flags of its source
  };
  Status load_annotations();
  Result<std::uint32_t> next_uid();
  Status fill_window(std::uint32_t recno);
  [[nodiscard]] std::uint32_t take_seen(std::uint32_t uid, std::uint32_t system_flags);
  Result<std::uint32_t> finish_append(mailbox::IndexRecord record, const NewMessage& message);
  Status add_annotation(std::uint32_t uid, const MessageAnnotation& annotation);
  Result<std::vector<MessageAnnotation>> annotations_of(const MailboxView& from, std::uint32_t uid);
  Result<std::uint64_t> add_cache(bool archived, Bytes record);
  Result<ConversationUpdate*> conversations();
  Status converse(const mailbox::IndexRecord& old, const mailbox::IndexRecord& now);
  Result<CachedMessage> cached_or_parsed(const mailbox::IndexRecord& record);
  Result<std::uint64_t> next_modseq();
  // Puts `after` in the place of `at`, counted; `silent`: no new modseq.
  Status rewrite(const NumberedRecord& at, mailbox::IndexRecord after, bool silent);
  void count(mailbox::IndexTotals& totals, const mailbox::IndexRecord& record);
  Result<std::uint32_t> restore_copy(const NumberedRecord& at, mailbox::IndexRecord copy);
  [[nodiscard]] meta::Usage usage_change() const;
  [[nodiscard]] bool lies_in_archive(const mailbox::IndexRecord& record) const {
    return files_.has_archive() && record.has(mailbox::flag::archived);
  }

  // The steps of commit(), in mailbox_commit.cc.
  Status add_files();
  Status add_archived_caches();
  Status write_caches();
  Status write_appended();
  Status sync_new();
  void take_files_back();
  Status prepare();
  Status change_quota();
  Status change_annotations();
  Status write_header();
  Status write_index();
  Status clean_up();
  Status unlink_files();
  Status repack();
  Status write_changed();
  Status write_seen();
  Status commit_conversations();

  struct NewFile {
    fs::path from, to;
    std::optional<std::int64_t> mtime = {};  // to be set; nothing: it stays
    Share share = Share::yes;
    std::shared_ptr<bool> synced = {};  // nothing: it was a message before
    bool made = false;
  };

  Store& store_;
  Io& io_;
  meta::MailboxEntry entry_;
  MailboxFiles files_;
  FreeUids free_uids_{store_, files_};
  std::int64_t now_;
  MailboxLock lock_;
  mailbox::MailboxHeader header_;
  mailbox::IndexHeader index_;   // as it was opened
  mailbox::IndexHeader result_;  // as it will be written
  mailbox::IndexTotals before_, after_;
  std::map<std::uint32_t, mailbox::IndexRecord> changed_;  // by recno
  std::vector<mailbox::IndexRecord> appended_;
  std::optional<mailbox::CacheReader> cache_, archive_cache_;  // of cached()
  std::optional<MessageAnnotations> annotations_;
  std::vector<std::pair<std::string, std::string>> annotation_puts_;  // key and value
  std::vector<std::string> annotation_erases_;
  std::vector<NewFile> new_files_;
  std::vector<std::uint32_t> archived_;  // recnos of archive()
  std::optional<mailbox::CacheAppender> new_cache_, new_archive_cache_;
  // Of the mailbox that copy() takes messages from.
  const MailboxView* source_ = nullptr;
  MessageAnnotations source_annotations_;
  Buffer window_;                   // of at(): records from window_at_ on
  std::uint32_t window_first_ = 0;  // recno; 0: empty
  names::UserId actor_;
  bool seen_in_index_ = true;
  std::optional<SeenState> seen_;                // of actor_, when it is not in the index
  text::SequenceSet seen_add_, seen_remove_;     // UIDs
  std::optional<std::uint32_t> recent_claimed_;  // the highest UID that the user was told of
  bool seen_in_session_ = false;                 // by change_flags(), not by an append
  std::optional<meta::QuotaRoot> quota_;         // of fits_quota()
  std::unique_ptr<ConversationUpdate> conversations_;
  bool conversations_opened_ = false;
  bool quota_read_ = false;
  bool modseq_from_counters_ = false;
  bool modseq_known_ = false;
  bool header_changed_ = false;
  bool header_outran_index_ = false;
  bool postponed_ = false;
  bool conversations_stale_ = false;
};

}  // namespace cyr::store

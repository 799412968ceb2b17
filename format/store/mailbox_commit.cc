// Writes what the operations of a MailboxEdit decided (mailbox.md 3.5):
//   1. new names and archive copies of message files; cache records
//   2. quota usage, annotations, the owner's counters, cyrus.header
//   3. new index records, which nobody reads yet; then all of this is synced at a time
//   4. changed index records, synced; the index header, synced: the point of no return
//   5. clean-up, when nobody else has the mailbox open: files of unlinked records, the repack
// An interruption before 4 leaves files that no record has and a usage that quota -f puts right; after it,
// NEEDS_UNLINK and NEEDS_REPACK in the index header say what is left to do.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "format/base/crc32.h"
#include "format/base/log.h"
#include "format/base/sync_together.h"
#include "format/mailbox/cache_reader.h"
#include "format/mailbox/index_layout.h"
#include "format/store/counters.h"
#include "format/store/link_or_copy.h"
#include "format/store/mailbox_edit.h"
#include "format/store/status_cache.h"

namespace cyr::store {

namespace {

constexpr ::mode_t kFileMode = 0600;
constexpr ::mode_t kDirectoryMode = 0700;
constexpr std::size_t kRunLength = 4096;  // records in one write
constexpr std::uint32_t kCleanUp = mailbox::option::needs_unlink | mailbox::option::needs_repack;

std::uint32_t add_difference(std::uint32_t value, std::uint32_t after, std::uint32_t before) {
  const std::int64_t sum = std::int64_t{value} + after - before;
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(sum, 0, UINT32_MAX));
}
std::uint64_t add_difference(std::uint64_t value, std::uint64_t after, std::uint64_t before) {
  return value + after < before ? 0 : value + after - before;
}

// The header's sums: what they were, with the records that changed taken out and put in again.
void settle_totals(mailbox::IndexHeader& header, const mailbox::IndexTotals& before,
                   const mailbox::IndexTotals& after) {
  const auto add = [&](auto& field, auto total) {
    field = add_difference(field, after.*total, before.*total);
  };
  using Totals = mailbox::IndexTotals;
  add(header.exists, &Totals::exists);
  add(header.deleted, &Totals::deleted);
  add(header.answered, &Totals::answered);
  add(header.flagged, &Totals::flagged);
  add(header.unseen, &Totals::unseen);
  add(header.quota_mailbox_used, &Totals::quota_mailbox_used);
  add(header.quota_deleted_used, &Totals::quota_deleted_used);
  add(header.quota_expunged_used, &Totals::quota_expunged_used);
  add(header.quota_annot_used, &Totals::annotation_bytes);
  header.sync_crc_basic ^= before.sync_basic ^ after.sync_basic;
  header.sync_crc_annot ^= before.sync_annot ^ after.sync_annot;
}

}  // namespace

Status MailboxEdit::commit() {
  const bool messages = !changed_.empty() || !appended_.empty();
  const bool seen =
      !seen_add_.empty() || !seen_remove_.empty() || (recent_claimed_ && !seen_in_index_ && !actor_.empty());
  const bool index = messages || header_changed_ || header_outran_index_ ||
                     (result_.options & kCleanUp) != 0 || (recent_claimed_ && seen_in_index_);
  if (io_.read_only()) {
    return success();
  }
  if (!index) {
    return seen ? write_seen() : success();
  }
  settle_totals(result_, before_, after_);
  if (auto prepared = prepare(); !prepared) {
    take_files_back();
    return prepared;
  }
  CYR_CHECK(write_index());
  if (seen) {
    CYR_CHECK(write_seen());
  }
  CYR_CHECK(commit_conversations());
  CYR_CHECK(clean_up());
  forget_status(store_, entry_.name);
  return success();
}

// After the index, whose records have the conversation ids.
Status MailboxEdit::commit_conversations() {
  if (conversations_) {
    CYR_CHECK(conversations_->commit());
  }
  conversations_.reset();
  conversations_opened_ = false;
  return success();
}

Status MailboxEdit::prepare() {
  CYR_CHECK(add_files());
  CYR_CHECK(add_archived_caches());
  CYR_CHECK(write_caches());
  CYR_CHECK(change_quota());
  CYR_CHECK(change_annotations());
  if (modseq_from_counters_) {
    CYR_TRY([[maybe_unused]] const auto raised,
            raise_counters(store_, files_.user, CounterKind::mail, nullptr,
                           [this](std::uint64_t) { return result_.highestmodseq; }));
  }
  if (header_changed_) {
    CYR_CHECK(write_header());
  }
  CYR_CHECK(write_appended());
  return sync_new();
}

// Their content is there already: it was staged, or is a message.
Status MailboxEdit::add_files() {
  for (auto& file : new_files_) {
    CYR_CHECK(io_.make_directories(file.to.parent_path(), kDirectoryMode));
    CYR_CHECK(link_or_copy(io_, file.from, file.to, file.share));
    file.made = true;
    if (file.mtime) {
      CYR_CHECK(io_.set_mtime(file.to, *file.mtime, 0));
    }
  }
  return success();
}

// Message files and their names, cache and index records: one after another each would wait for the disk.
Status MailboxEdit::sync_new() {
  std::vector<std::function<Status()>> syncs;
  std::set<fs::path> directories;
  std::vector<std::shared_ptr<bool>> contents;
  for (const auto& file : new_files_) {
    directories.insert(file.to.parent_path());
    if (file.synced && !*file.synced) {
      *file.synced = true;  // once; taken back below
      contents.push_back(file.synced);
      syncs.emplace_back([this, &file]() -> Status {
        CYR_TRY(File content, File::open(io_, file.to, {}));
        return content.sync();
      });
    }
  }
  for (const auto& directory : directories) {
    syncs.emplace_back([this, &directory] { return io_.sync_directory(directory); });
  }
  for (auto* cache : {&new_cache_, &new_archive_cache_}) {
    if (*cache) {
      syncs.emplace_back([cache] { return (*cache)->sync(); });
    }
  }
  if (!appended_.empty()) {
    syncs.emplace_back([this] { return lock_.index().sync(); });
  }
  const Status synced = sync_together(io_, syncs);
  new_cache_.reset();
  new_archive_cache_.reset();
  for (const auto& content : contents) {
    *content = synced.has_value();
  }
  return synced;
}

// After a failure before the index was written: nobody may find these as messages.
void MailboxEdit::take_files_back() {
  for (const auto& file : new_files_) {
    if (file.made) {
      (void)io_.unlink(file.to);
    }
  }
}

Status MailboxEdit::add_archived_caches() {
  if (archived_.empty()) {
    return success();
  }
  CYR_TRY(auto spool, mailbox::CacheReader::open(io_, files_.cache));
  for (const std::uint32_t recno : archived_) {
    auto& record = changed_.at(recno);
    const auto bytes = spool.record(record);
    if (bytes) {
      CYR_TRY(record.cache_offset, add_cache(true, *bytes));
    } else if (bytes.error().code == Errc::corrupt) {
      record.cache_offset = 0;  // CRC 0: to be made anew from the message
      record.cache_crc = 0;
    } else {
      return bytes.error();
    }
  }
  return success();
}

// Appends to the cache of the spool or of the archive; the offset of the record.
Result<std::uint64_t> MailboxEdit::add_cache(bool archived, Bytes record) {
  if (io_.read_only()) {
    return mailbox::kCacheStart;
  }
  auto& cache = archived ? new_archive_cache_ : new_cache_;
  if (!cache) {
    const fs::path& path = archived ? files_.archive_cache : files_.cache;
    CYR_CHECK(io_.make_directories(path.parent_path(), kDirectoryMode));
    CYR_TRY(auto opened, mailbox::CacheAppender::open(io_, path, index_.generation_no, kFileMode));
    cache.emplace(std::move(opened));
  }
  return cache->append(record);
}

Status MailboxEdit::write_caches() {
  for (auto* cache : {&new_cache_, &new_archive_cache_}) {
    if (*cache) {
      CYR_CHECK((*cache)->flush());
    }
  }
  return success();
}

Status MailboxEdit::change_quota() {
  const meta::Usage change = usage_change();
  if (!header_.quotaroot || header_.quotaroot->empty() || change == meta::Usage{}) {
    return success();
  }
  CYR_TRY(meta::Quotas * quotas, store_.quotas());
  return quotas->change(*header_.quotaroot, [&](std::optional<meta::QuotaRoot>& root) -> Result<bool> {
    if (!root) {
      return false;
    }
    root->used = meta::add(root->used, change);
    // A quota -f that is running has counted this mailbox already.
    if (root->scan && entry_.name <= root->scan->mailbox) {
      root->scan->used = meta::add(root->scan->used, change);
    }
    if (root->form == meta::QuotaForm::dlist_modseq) {
      CYR_TRY(root->modseq, next_quota_modseq(store_, *header_.quotaroot, root->modseq, nullptr));
    }
    return true;
  });
}

Status MailboxEdit::change_annotations() {
  if (annotation_puts_.empty() && annotation_erases_.empty()) {
    return success();
  }
  CYR_TRY(const auto database, store_.open_database(files_.annotations, conf::Option::annotation_db, true));
  CYR_TRY(const auto transaction, database->begin());
  for (const auto& [key, value] : annotation_puts_) {
    CYR_CHECK(transaction->put(key, value));
  }
  for (const auto& key : annotation_erases_) {
    CYR_CHECK(transaction->erase(key));
  }
  annotation_puts_.clear();
  annotation_erases_.clear();
  return transaction->commit();
}

Status MailboxEdit::write_header() {
  CYR_TRY(const Buffer bytes, mailbox::encode_header(header_, header_.form));
  CYR_CHECK(replace_file(io_, files_.header, bytes, kFileMode));
  result_.header_file_crc = crc32(Bytes(bytes));
  return success();
}

// Behind the last record that the header counts. Before the changed ones: no old record of a restored message
// may say UNLINKED before the new one is there.
Status MailboxEdit::write_appended() {
  CYR_CHECK(mailbox::write_index_records(lock_.index(), index_, index_.num_records + 1, appended_));
  result_.num_records = index_.num_records + static_cast<std::uint32_t>(appended_.size());
  return success();
}

Status MailboxEdit::write_index() {
  File& file = lock_.index();
  if (!changed_.empty()) {
    CYR_CHECK(write_changed());
    CYR_CHECK(file.sync());
  }
  CYR_TRY(const Buffer header, mailbox::encode_index_header(result_));
  CYR_CHECK(file.write(header, 0));
  CYR_CHECK(file.sync());
  index_ = result_;
  header_outran_index_ = false;
  changed_.clear();
  appended_.clear();
  window_first_ = 0;
  return success();
}

// Neighbours in one write.
Status MailboxEdit::write_changed() {
  std::vector<mailbox::IndexRecord> run;
  std::uint32_t first = 0;
  const auto write = [&]() -> Status {
    CYR_CHECK(mailbox::write_index_records(lock_.index(), index_, first, run));
    run.clear();
    return success();
  };
  for (const auto& [recno, record] : changed_) {
    if (recno != first + run.size() || run.size() == kRunLength) {
      CYR_CHECK(write());
      first = recno;
    }
    run.push_back(record);
  }
  return write();
}

// After the index: a UID that the mailbox does not have yet must not be read already.
Status MailboxEdit::write_seen() {
  const auto change = [this](SeenState& state) {
    for (const auto& range : seen_add_.ranges()) {
      state.uids.add(range.first, range.last);
    }
    for (const auto& range : seen_remove_.ranges()) {
      for (std::uint64_t uid = range.first; uid <= range.last; ++uid) {
        state.uids.remove(static_cast<std::uint32_t>(uid));
      }
    }
    state.record.lastchange = now_;
    if (seen_in_session_ || recent_claimed_) {  // as Cyrus's imapd does, other than its append
      state.record.lastread = now_;
      state.record.lastchange = static_cast<std::int64_t>(index_.last_appenddate);
    }
    if (recent_claimed_) {
      state.record.lastuid = std::max(state.record.lastuid, *recent_claimed_);
    }
  };
  CYR_CHECK(change_seen(store_, seen_user(index_, actor_), header_.uniqueid, change));
  seen_add_ = {};
  seen_remove_ = {};
  recent_claimed_.reset();
  seen_in_session_ = false;
  return success();
}

Status MailboxEdit::clean_up() {
  if ((index_.options & kCleanUp) == 0) {
    return success();
  }
  CYR_TRY(const bool alone, lock_.become_exclusive());
  postponed_ = !alone;
  if (!alone) {
    return success();
  }
  CYR_CHECK(unlink_files());
  result_ = index_;
  result_.options &= ~kCleanUp;
  if ((index_.options & mailbox::option::needs_repack) != 0) {
    return repack();
  }
  return write_index();
}

// Files of unlinked records, with their annotations, and what archived messages left in the spool.
Status MailboxEdit::unlink_files() {
  CYR_CHECK(load_annotations());
  const bool audit = store_.config().is_on(conf::Option::auditlog);
  const auto remove = [this](const fs::path& path) -> Status {
    const Status removed = io_.unlink(path);
    return removed || removed.error().code == Errc::not_found ? success() : removed;
  };
  const auto visit = [&](const NumberedRecord& at) -> Status {
    const auto& record = at.record;
    const bool unlinked = record.has(mailbox::flag::unlinked);
    const bool stale_copy = record.has(mailbox::flag::needs_cleanup) && files_.has_archive();
    if (unlinked || (stale_copy && record.has(mailbox::flag::archived))) {
      CYR_CHECK(remove(files_.message(record.uid, false)));
    }
    if (files_.has_archive() && (unlinked || (stale_copy && !record.has(mailbox::flag::archived)))) {
      CYR_CHECK(remove(files_.message(record.uid, true)));
    }
    if (!unlinked && record.has(mailbox::flag::needs_cleanup)) {
      changed_[at.recno] = record;
      changed_[at.recno].system_flags &=
          ~mailbox::flag::needs_cleanup;  // the conversations keep it, as in Cyrus
    }
    if (const auto found = annotations_->find(record.uid); unlinked && found != annotations_->end()) {
      for (const auto& one : found->second) {
        annotation_erases_.push_back(one.key);
      }
    }
    if (unlinked && audit) {
      log(LogLevel::notice, "auditlog: unlink sessionid=<> mailbox=<{}> uniqueid=<{}> uid=<{}>", entry_.name,
          header_.uniqueid, record.uid);
    }
    return success();
  };
  CYR_CHECK(for_each(visit));
  CYR_CHECK(commit_conversations());
  return change_annotations();
}

namespace {

// The caches of a repack, made when the first record needs them.
class CacheWriters {
 public:
  CacheWriters(Io& io, const MailboxFiles& files, std::uint32_t generation)
      : io_(io), paths_{files.cache, files.archive_cache}, generation_(generation) {}

  Status open() {
    for (std::size_t i = 0; i < std::size(paths_); ++i) {
      CYR_TRY(old_[i], mailbox::CacheReader::open(io_, paths_[i]));
    }
    return success();
  }
  // Copies the cache record and sets its new offset; one that cannot be read is left to be made anew.
  Status move(mailbox::IndexRecord& record, bool archived) {
    const std::size_t which = archived ? 1 : 0;
    const auto bytes = old_[which].record(record);
    if (!bytes && bytes.error().code != Errc::corrupt) {
      return bytes.error();
    }
    if (!bytes) {
      record.cache_offset = 0;
      record.cache_crc = 0;
      return success();
    }
    if (!new_[which]) {
      CYR_TRY(auto made, mailbox::CacheFileWriter::create(io_, paths_[which], generation_, kFileMode));
      new_[which].emplace(std::move(made));
    }
    CYR_TRY(record.cache_offset, new_[which]->append(*bytes));
    return success();
  }
  Status finish() {
    return each([](auto& writer) { return writer.finish(); });
  }
  Status commit() {
    return each([](auto& writer) { return writer.commit(); });
  }
  // A cache that no record uses any more goes.
  Status remove_unused() {
    for (std::size_t i = 0; i < std::size(paths_); ++i) {
      if (!new_[i] && old_[i].exists() && paths_[i] != paths_[1 - i]) {
        CYR_CHECK(io_.unlink(paths_[i]));
      }
    }
    return success();
  }

 private:
  template <class Step>
  Status each(Step step) {
    for (auto& writer : new_) {
      if (writer) {
        CYR_CHECK(step(*writer));
      }
    }
    return success();
  }
  Io& io_;
  fs::path paths_[2];
  std::uint32_t generation_;
  mailbox::CacheReader old_[2];
  std::optional<mailbox::CacheFileWriter> new_[2];
};

}  // namespace

// A new index without the unlinked records, and new caches in its order, with the next generation. result_
// is the header to write.
Status MailboxEdit::repack() {
  ++result_.generation_no;
  result_.leaked_cache_records = 0;
  result_.last_repack_time = static_cast<std::uint64_t>(now_);
  CacheWriters caches(io_, files_, result_.generation_no);
  CYR_CHECK(caches.open());
  CYR_TRY(auto index, mailbox::IndexFileWriter::create(io_, files_.index, result_, kFileMode));
  const auto visit = [&](const NumberedRecord& at) -> Status {
    mailbox::IndexRecord record = at.record;
    if (record.has(mailbox::flag::unlinked)) {
      if (record.modseq > result_.deletedmodseq) {
        result_.deletedmodseq = record.modseq;
        result_.changes_epoch = record.last_updated;
      }
      return success();
    }
    CYR_CHECK(caches.move(record, lies_in_archive(record)));
    return index.append(record);
  };
  CYR_CHECK(for_each(visit));
  changed_.clear();
  CYR_CHECK(caches.finish());
  CYR_CHECK(index.finish(result_));
  CYR_CHECK(caches.commit());
  CYR_CHECK(index.commit());
  return caches.remove_unused();
}

}  // namespace cyr::store

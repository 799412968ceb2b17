#include "format/store/mailbox_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/base/crc32.h"
#include "format/mailbox/index_file.h"
#include "format/mailbox/index_layout.h"
#include "format/mime/summary.h"
#include "format/store/interrupted.h"
#include "format/store/mailbox_edit.h"
#include "format/store/parse_options.h"

namespace cyr::store {

namespace {

constexpr std::uint32_t kLeftToDo = mailbox::option::needs_unlink | mailbox::option::needs_repack;

Result<std::shared_ptr<File>> open_shared(Io& io, const fs::path& path) {
  CYR_TRY(File file, open_locked(io, path, LockMode::shared));
  return std::make_shared<File>(std::move(file));
}

// Nothing keeps the lock, whatever fails: writers would wait until the session ends.
class LockGuard {
 public:
  explicit LockGuard(std::shared_ptr<File> file) : file_(std::move(file)) {}
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;
  ~LockGuard() { (void)file_->unlock(); }

 private:
  std::shared_ptr<File> file_;
};

Error with_repair_hint(Error error) {
  return error.code == Errc::corrupt ? std::move(error).with_hint("repair the mailbox with reconstruct first")
                                     : error;
}

}  // namespace

Result<std::unique_ptr<MailboxView>> MailboxView::open(Store& store, const meta::MailboxEntry& entry) {
  std::unique_ptr<MailboxView> view(new MailboxView(store, entry));
  if (auto loaded = view->load(); !loaded) {
    return with_repair_hint(std::move(loaded).error());
  }
  return view;
}

Status MailboxView::load() {
  Io& io = store_.io();
  CYR_TRY(files_, store_.files(entry_));
  has_archive_ = files_.has_archive();
  CYR_TRY(name_lock_, take_session_lock(io, files_));
  CYR_TRY(index_file_, open_shared(io, files_.index));
  CYR_CHECK(read_header());
  CYR_TRY(IndexState state, read_index(index_file_, nullptr));
  take_over(std::move(state));
  CYR_TRY(index_info_, index_file_->info());
  header_outran_index_ =
      store::header_outran_index(index_, index_info_, {header_, header_crc_, header_info_}, entry_);
  return index_file_->unlock();
}

// The index file is locked.
Result<MailboxView::IndexState> MailboxView::read_index(const std::shared_ptr<File>& file,
                                                        const mailbox::RecordBlock* before) const {
  IndexState state;
  CYR_TRY(state.header, mailbox::read_index_header(*file));
  state.raw_header = state.header.raw;
  if ((state.header.options & mailbox::option::deleted) != 0) {
    return make_error(Errc::not_found, "the mailbox is being deleted").at(files_.index);
  }
  mailbox::apply_read_defaults(state.header);
  CYR_TRY(state.records, mailbox::RecordBlock::read(file, state.header, before));
  return state;
}

void MailboxView::take_over(IndexState state) {
  index_header_ = std::move(state.raw_header);
  index_ = std::move(state.header);
  records_ = std::move(state.records);
}

// The index file is locked. False: somebody else wrote, too, or so much changed that all is read as quickly.
Result<bool> MailboxView::take_over(const OwnChange& own) {
  if (own.before.empty() || own.before != index_header_ || !records_.may_reread(own.recnos.size())) {
    return false;
  }
  CYR_TRY(mailbox::IndexHeader header, mailbox::read_index_header(*index_file_));
  if (header.raw != own.after || header.num_records != records_.size() ||
      (header.options & mailbox::option::deleted) != 0) {
    return false;
  }
  CYR_CHECK(records_.reread(own.recnos));
  index_header_ = header.raw;
  mailbox::apply_read_defaults(header);
  index_ = std::move(header);
  return true;
}

Status MailboxView::read_header() {
  CYR_TRY(const FileBytes bytes, store_.io().read_file(files_.header));
  auto header = mailbox::decode_header(bytes.bytes());
  if (!header) {
    return std::move(header).error().at(files_.header);
  }
  CYR_TRY(header_info_, store_.io().stat(files_.header));
  header_ = std::move(*header);
  header_crc_ = crc32(bytes.bytes());
  return success();
}

// True when it was another one.
Result<bool> MailboxView::refresh_header() {
  CYR_TRY(const FileInfo now, store_.io().stat(files_.header));
  // A file that was replaced twice may have its old inode again.
  if (now.same_file(header_info_) && now.size == header_info_.size && now.mtime == header_info_.mtime &&
      now.mtime_nsec == header_info_.mtime_nsec) {
    return false;
  }
  CYR_CHECK(read_header());
  return true;
}

Result<bool> MailboxView::is_stale() {
  Buffer now(index_header_.size());
  CYR_CHECK(index_file_->read_exactly(now, 0));
  if (now != index_header_ || mailbox::has_modseq(index_.minor_version)) {
    return now != index_header_;
  }
  // Before there were modseqs a keyword changes a record and nothing in the header.
  CYR_TRY(const FileInfo info, index_file_->info());
  return info.mtime != index_info_.mtime || info.mtime_nsec != index_info_.mtime_nsec;
}

Result<ViewChange> MailboxView::refresh(OwnChange own) {
  ViewChange change;
  Io& io = store_.io();
  std::shared_ptr<File> file = index_file_;
  CYR_CHECK(file->lock(LockMode::shared));
  const LockGuard guard(file);
  CYR_TRY(const FileInfo here, file->info());
  CYR_TRY(const FileInfo there, io.stat(files_.index));
  bool stale = true;
  if (!here.same_file(there)) {
    CYR_TRY(file, open_shared(io, files_.index));
    change.replaced = true;
  } else {
    CYR_TRY(const bool changed, is_stale());
    stale = changed || !own.recnos.empty();
  }
  // First: where the index fails after it, the view stays stale and the next refresh tells of both.
  CYR_TRY(change.header_file, refresh_header());
  std::sort(own.recnos.begin(), own.recnos.end());
  CYR_TRY(const bool taken, stale && !change.replaced ? take_over(own) : Result<bool>(false));
  IndexState state;
  if (stale && !taken) {
    CYR_TRY(state, read_index(file, change.replaced ? nullptr : &records_));
  }
  if (stale && !change.replaced) {
    index_info_ = here;
  } else if (change.replaced) {
    CYR_TRY(index_info_, file->info());
  }
  change.any = stale || change.header_file;
  if (!stale || taken) {
    change.changed = taken ? std::move(own.recnos) : std::vector<std::uint32_t>();
    return change;
  }
  const std::uint32_t layout = mailbox::record_layout(index_);
  const mailbox::RecordBlock before = std::move(records_);
  take_over(std::move(state));
  cache_.reset();
  archive_cache_.reset();
  cache_crc_known_.clear();
  if (change.replaced) {
    CYR_CHECK(file->unlock());
    index_file_ = std::move(file);
    return change;
  }
  if (mailbox::record_layout(index_) != layout || records_.size() < before.size()) {
    change.replaced = true;
    return change;
  }
  for (std::uint32_t recno = 1; recno <= before.size(); ++recno) {
    if (!records_.same(recno, before)) {
      change.changed.push_back(recno);
    }
  }
  change.first_new = records_.size() > before.size() ? before.size() + 1 : 0;
  return change;
}

bool MailboxView::is_archived(const mailbox::IndexRecord& record) const {
  return has_archive_ && record.has(mailbox::flag::archived);
}

fs::path MailboxView::message_path(const mailbox::IndexRecord& record) const {
  return files_.message(record.uid, is_archived(record));
}

MessageReader& MailboxView::message_files() {
  if (!message_files_) {
    message_files_.emplace(store_.io(), files_);
  }
  return *message_files_;
}

Error MailboxView::wrong_size(const mailbox::IndexRecord& record, std::uint64_t size) const {
  return with_repair_hint(
      corrupt(fmt::format("the message file has {} bytes, its record says {}", size, record.size))
          .at(message_path(record)));
}

Result<FileBytes> MailboxView::message(std::uint32_t recno) {
  CYR_TRY(const mailbox::IndexRecord record, records_.record(recno));
  CYR_TRY(FileBytes bytes, message_files().read(record.uid, is_archived(record), record.size));
  if (bytes.bytes().size() != record.size) {
    return wrong_size(record, bytes.bytes().size());
  }
  return bytes;
}

Result<FileBytes> MailboxView::message_header(std::uint32_t recno) {
  CYR_TRY(const mailbox::IndexRecord record, records_.record(recno));
  CYR_TRY(FileStart start, message_files().read_start(record.uid, is_archived(record), record.header_size));
  if (start.file_size != record.size) {
    return wrong_size(record, start.file_size);
  }
  return std::move(start.bytes);
}

Result<mailbox::CacheRecordView> MailboxView::cache_record(std::uint32_t recno, mailbox::IndexRecord record) {
  const bool archived = is_archived(record);
  auto& cache = archived ? archive_cache_ : cache_;
  if (!cache) {
    CYR_TRY(cache, mailbox::CacheReader::open(store_.io(), archived ? files_.archive_cache : files_.cache));
  }
  if (cache_crc_known_.size() != records_.size()) {
    cache_crc_known_.assign(records_.size(), false);
  }
  if (cache_crc_known_[recno - 1]) {
    record.cache_crc = 0;  // not looked at again
  }
  auto view = cache->view(record);
  cache_crc_known_[recno - 1] = view.has_value();
  return view;
}

Result<CachedMessage> MailboxView::cached(std::uint32_t recno) {
  CYR_TRY(const mailbox::IndexRecord record, records_.record(recno));
  const auto view = cache_record(recno, record);
  if (view) {
    return CachedMessage(*view);
  }
  if (view.error().code != Errc::corrupt) {
    return view.error();
  }
  CYR_TRY(const FileBytes file, message(recno));
  mime::ParseOptions options = parse_options(store_.config());
  options.profile = mime::cache_profile_for_version(record.cache_version);  // as the record says
  const auto summary = mime::summarise(file.text(), record.internaldate, options);
  return CachedMessage::from(as_bytes(summary.cache_record));
}

Status MailboxView::close(std::unique_ptr<MailboxView> view, UserLocks& locks, std::int64_t now) {
  Store& store = view->store_;
  const meta::MailboxEntry entry = view->entry_;
  // The header now, not that of the view: this session's own expunge may not be in it.
  const auto header = mailbox::read_index_header(*view->index_file_);
  const bool dirty = header && (header->options & kLeftToDo) != 0;
  view.reset();
  if (!dirty || store.io().read_only()) {
    return success();
  }
  auto edit = MailboxEdit::open(store, entry, locks, now);
  if (!edit) {  // deleted meanwhile
    return edit.error().code == Errc::not_found ? success() : Status(edit.error());
  }
  return (*edit)->commit();
}

}  // namespace cyr::store

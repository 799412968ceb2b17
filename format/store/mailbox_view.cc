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
  CYR_TRY(name_lock_, take_session_lock(io, files_));
  CYR_TRY(index_file_, open_locked(io, files_.index, LockMode::shared));
  CYR_CHECK(read_header());
  CYR_CHECK(read_index());
  CYR_TRY(const FileInfo index_info, index_file_.info());
  header_outran_index_ =
      store::header_outran_index(index_, index_info, {header_, header_crc_, header_info_}, entry_);
  return index_file_.unlock();
}

// The index file is locked.
Status MailboxView::read_index() {
  CYR_TRY(index_, mailbox::read_index_header(index_file_));
  index_header_ = index_.raw;
  if ((index_.options & mailbox::option::deleted) != 0) {
    return make_error(Errc::not_found, "the mailbox is being deleted").at(files_.index);
  }
  mailbox::apply_read_defaults(index_);
  CYR_TRY(records_, mailbox::RecordBlock::read(index_file_, index_));
  return success();
}

Status MailboxView::read_header() {
  CYR_TRY(const FileBytes bytes, store_.io().read_file(files_.header));
  auto header = mailbox::decode_header(bytes.bytes());
  if (!header) {
    return std::move(header).error().at(files_.header);
  }
  header_ = std::move(*header);
  header_crc_ = crc32(bytes.bytes());
  CYR_TRY(header_info_, store_.io().stat(files_.header));
  return success();
}

Result<bool> MailboxView::is_stale() {
  Buffer now(index_header_.size());
  CYR_CHECK(index_file_.read_exactly(now, 0));
  return now != index_header_;
}

Result<ViewChange> MailboxView::refresh() {
  ViewChange change;
  Io& io = store_.io();
  CYR_CHECK(index_file_.lock(LockMode::shared));
  CYR_TRY(const FileInfo mine, index_file_.info());
  CYR_TRY(const FileInfo there, io.stat(files_.index));
  CYR_TRY(const FileInfo header, io.stat(files_.header));
  // A file that was replaced twice may have its old inode again.
  if (!header.same_file(header_info_) || header.size != header_info_.size ||
      header.mtime != header_info_.mtime || header.mtime_nsec != header_info_.mtime_nsec) {
    CYR_CHECK(read_header());
    change.any = true;
    change.header_file = true;
  }
  if (!mine.same_file(there)) {
    CYR_TRY(index_file_, open_locked(io, files_.index, LockMode::shared));
    change.replaced = true;
  } else {
    CYR_TRY(const bool stale, is_stale());
    if (!stale) {
      CYR_CHECK(index_file_.unlock());
      return change;
    }
  }
  change.any = true;
  const mailbox::RecordBlock before = std::move(records_);
  const std::uint32_t layout = mailbox::record_layout(index_);
  CYR_CHECK(read_index());
  CYR_CHECK(index_file_.unlock());
  cache_.reset();
  archive_cache_.reset();
  if (change.replaced || mailbox::record_layout(index_) != layout || records_.size() < before.size()) {
    change.replaced = true;
    return change;
  }
  for (std::uint32_t recno = 1; recno <= before.size(); ++recno) {
    if (!std::ranges::equal(before.raw(recno), records_.raw(recno))) {
      change.changed.push_back(recno);
    }
  }
  change.first_new = records_.size() > before.size() ? before.size() + 1 : 0;
  return change;
}

fs::path MailboxView::message_path(const mailbox::IndexRecord& record) const {
  return files_.message(record.uid, files_.has_archive() && record.has(mailbox::flag::archived));
}

Result<FileBytes> MailboxView::message(std::uint32_t recno) {
  const mailbox::IndexRecord record = records_.record(recno);
  const fs::path path = message_path(record);
  CYR_TRY(FileBytes bytes, store_.io().read_file(path));
  if (bytes.bytes().size() != record.size) {
    return with_repair_hint(corrupt(fmt::format("the message file has {} bytes, its record says {}",
                                                bytes.bytes().size(), record.size))
                                .at(path));
  }
  return bytes;
}

Result<Bytes> MailboxView::cache_record(const mailbox::IndexRecord& record) {
  const bool archived = files_.has_archive() && record.has(mailbox::flag::archived);
  auto& cache = archived ? archive_cache_ : cache_;
  if (!cache) {
    CYR_TRY(cache, mailbox::CacheReader::open(store_.io(), archived ? files_.archive_cache : files_.cache));
  }
  return cache->record(record);
}

Result<CachedMessage> MailboxView::cached(std::uint32_t recno) {
  const mailbox::IndexRecord record = records_.record(recno);
  const auto bytes = cache_record(record);
  if (bytes) {
    return CachedMessage::from(*bytes);
  }
  if (bytes.error().code != Errc::corrupt) {
    return bytes.error();
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
  const auto header = mailbox::read_index_header(view->index_file_);
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

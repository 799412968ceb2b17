// The operations: what they change in memory. Nothing on disk changes before mailbox_commit.cc, but for a
// name that a process that died left in the way.
#include "format/store/mailbox_edit.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/base/crc32.h"
#include "format/mailbox/annotation_record.h"
#include "format/mailbox/index_layout.h"
#include "format/store/counters.h"
#include "format/store/interrupted.h"
#include "format/store/parse_options.h"

namespace cyr::store {

namespace {

constexpr unsigned kFirstVersion = 12;       // with EXPUNGED in the index
constexpr unsigned kNanosecondVersion = 20;  // only written by releases that pad cids

// The key of an annotation for another message of the mailbox.
Result<std::string> key_for_uid(const std::string& key, std::uint32_t uid) {
  CYR_TRY(auto parts, mailbox::decode_annotation_key(as_bytes(key)));
  parts.where = std::to_string(uid);
  CYR_TRY(const Buffer bytes, mailbox::encode_annotation_key(parts));
  return std::string(as_text(bytes));
}

Error reconstruct_first(Error error) {
  return std::move(error).with_hint("repair the mailbox with reconstruct first");
}

}  // namespace

MailboxEdit::MailboxEdit(Store& store, const meta::MailboxEntry& entry, std::int64_t now)
    : store_(store),
      io_(store.io()),
      entry_(entry),
      now_(now),
      before_(kFirstVersion, header_.flags),
      after_(kFirstVersion, header_.flags) {}

Result<std::unique_ptr<MailboxEdit>> MailboxEdit::open(Store& store, const meta::MailboxEntry& entry,
                                                       UserLocks& locks, std::int64_t now,
                                                       ExpungeFile expunge_file) {
  std::unique_ptr<MailboxEdit> edit(new MailboxEdit(store, entry, now));
  CYR_CHECK(edit->load(locks, expunge_file));
  return edit;
}

Status MailboxEdit::load(UserLocks& locks, ExpungeFile expunge_file) {
  CYR_TRY(files_, store_.files(entry_));
  const LockFor purpose = io_.read_only() ? LockFor::examine : LockFor::change;
  CYR_TRY(lock_, MailboxLock::take(io_, files_, purpose, locks));
  if (!lock_.has_index()) {
    return reconstruct_first(make_error(Errc::not_found, "there is no such file").at(files_.index));
  }
  auto index = mailbox::read_index_header(lock_.index());
  if (!index) {
    return reconstruct_first(std::move(index).error());
  }
  index_ = std::move(*index);
  const bool old = index_.minor_version < kFirstVersion && expunge_file == ExpungeFile::refuse;
  CYR_TRY(const bool has_expunge_file, old ? io_.exists(files_.expunge) : Result<bool>(false));
  if (has_expunge_file) {
    return make_error(
               Errc::unsupported,
               fmt::format("index version {} keeps expunged messages in cyrus.expunge", index_.minor_version))
        .at(files_.index)
        .with_hint("convert the mailbox first: reconstruct -V max");
  }
  CYR_TRY(const FileBytes bytes, io_.read_file(files_.header));
  auto header = mailbox::decode_header(bytes.bytes());
  if (!header) {
    return reconstruct_first(std::move(header).error().at(files_.header));
  }
  header_ = std::move(*header);
  seen_in_index_ = seen_is_in_index(index_, files_.user, actor_);
  result_ = index_;
  const std::uint32_t header_crc = crc32(bytes.bytes());
  CYR_TRY(header_outran_index_,
          header_outran_index(io_, files_.header, header_, header_crc, index_, lock_.index(), entry_));
  result_.header_file_crc = header_outran_index_ ? header_crc : result_.header_file_crc;
  const mailbox::SyncCrcAnnotStyle style{.initial = 0,
                                         .padded_cid = index_.minor_version >= kNanosecondVersion};
  before_ = mailbox::IndexTotals(index_.minor_version, header_.flags, style);
  after_ = before_;
  return success();
}

Status MailboxEdit::for_each(const std::function<Status(const NumberedRecord& at)>& visit) {
  CYR_TRY(auto reader, mailbox::IndexReader::open(lock_.index(), index_));
  mailbox::IndexEntry entry;
  while (true) {
    auto more = reader.next(entry);
    if (!more) {
      return reconstruct_first(std::move(more).error());
    }
    if (!*more) {
      return success();
    }
    if (!entry.crc_ok) {
      return reconstruct_first(
          corrupt(fmt::format("record {} has a wrong CRC", entry.recno), entry.offset).at(files_.index));
    }
    const auto change = changed_.find(entry.recno);
    CYR_CHECK(visit({entry.recno, change == changed_.end() ? entry.record : change->second}));
  }
}

Result<CachedMessage> MailboxEdit::cached(const mailbox::IndexRecord& record) {
  auto& cache = lies_in_archive(record) ? archive_cache_ : cache_;
  if (!cache) {
    CYR_TRY(cache,
            mailbox::CacheReader::open(io_, lies_in_archive(record) ? files_.archive_cache : files_.cache));
  }
  CYR_TRY(const Bytes bytes, cache->record(record));
  return CachedMessage::from(bytes);
}

Result<std::uint32_t> MailboxEdit::next_uid() {
  CYR_TRY(result_.last_uid, free_uids_.after(result_.last_uid));
  return result_.last_uid;
}

Status MailboxEdit::load_annotations() {
  if (!annotations_) {
    CYR_TRY(annotations_, read_message_annotations(store_, files_));
  }
  return success();
}

// The counters of the owner are raised once, at commit; until then this process holds the user's lock.
Result<std::uint64_t> MailboxEdit::next_modseq() {
  if (!modseq_known_) {
    CYR_TRY(const auto highest, highest_counter(store_, files_.user));
    modseq_from_counters_ = highest.has_value();
    result_.highestmodseq = std::max(result_.highestmodseq, highest.value_or(0));
    modseq_known_ = true;
  }
  return ++result_.highestmodseq;
}

void MailboxEdit::count(mailbox::IndexTotals& totals, const mailbox::IndexRecord& record) {
  totals.add(record);
  if (record.has(mailbox::flag::expunged) || !annotations_) {
    return;
  }
  const auto found = annotations_->find(record.uid);
  if (found == annotations_->end()) {
    return;
  }
  for (const auto& one : found->second) {
    if (!one.deleted) {
      totals.add_annotation(record.uid, one.entry, one.userid, one.value);
    }
  }
}

// nullptr: there is none to keep.
Result<ConversationUpdate*> MailboxEdit::conversations() {
  if (!conversations_opened_ && !io_.read_only() && mailbox::has_cid(index_.minor_version)) {
    auto opened = ConversationUpdate::open(store_, files_, header_, now_);
    if (!opened && opened.error().code != Errc::unsupported) {
      return opened.error();
    }
    conversations_stale_ = conversations_stale_ || !opened;
    conversations_ = opened ? std::move(*opened) : nullptr;
    conversations_opened_ = true;
  }
  return conversations_.get();
}

Result<CachedMessage> MailboxEdit::cached_or_parsed(const mailbox::IndexRecord& record) {
  auto from_cache = cached(record);
  if (from_cache || from_cache.error().code != Errc::corrupt) {
    return from_cache;
  }
  CYR_TRY(const FileBytes file, io_.read_file(files_.message(record.uid, lies_in_archive(record))));
  mime::ParseOptions options = parse_options(store_.config());
  options.profile = mime::cache_profile_for_version(record.cache_version);
  return CachedMessage::from(
      as_bytes(mime::summarise(file.text(), record.internaldate, options).cache_record));
}

Status MailboxEdit::converse(const mailbox::IndexRecord& old, const mailbox::IndexRecord& now) {
  CYR_TRY(ConversationUpdate * conversations, this->conversations());
  if (conversations == nullptr) {
    return success();
  }
  const auto cached = cached_or_parsed(old);                // where it still is, when it is being archived
  if (!cached && cached.error().code == Errc::not_found) {  // neither cache nor file: nothing to say of it
    return success();
  }
  if (!cached) {
    return cached.error();
  }
  // A session keeps the whole flag word of the record that it changes, the offline programs do not.
  return conversations->change(&old, &now, *cached, actor_.empty() ? 0 : old.system_flags);
}

Status MailboxEdit::rewrite(const NumberedRecord& at, mailbox::IndexRecord after, bool silent) {
  CYR_CHECK(load_annotations());
  if (!silent) {
    CYR_TRY(after.modseq, next_modseq());
    after.last_updated = static_cast<std::uint64_t>(now_);
  }
  CYR_CHECK(converse(at.record, after));
  count(before_, at.record);
  count(after_, after);
  if (after.has(mailbox::flag::expunged) && !at.record.has(mailbox::flag::expunged)) {
    const bool older = result_.first_expunged == 0 || result_.first_expunged > after.last_updated;
    result_.first_expunged = older ? after.last_updated : result_.first_expunged;
  }
  if (after.has(mailbox::flag::unlinked) || after.has(mailbox::flag::needs_cleanup)) {
    result_.options |= mailbox::option::needs_unlink;
  }
  changed_.insert_or_assign(at.recno, after);
  return success();
}

Status MailboxEdit::expunge(const NumberedRecord& at, bool moved) {
  mailbox::IndexRecord after = at.record;
  after.system_flags |= mailbox::flag::expunged | (moved ? mailbox::flag::deleted : 0);
  const std::string_view mode = store_.config().text(conf::Option::expunge_mode);
  if (mode != "delayed") {
    after.system_flags |= mailbox::flag::unlinked | mailbox::flag::needs_cleanup;
  }
  if (mode != "delayed" && mode != "semidelayed") {
    result_.options |= mailbox::option::needs_repack;
  }
  return rewrite(at, after, false);
}

Result<std::uint32_t> MailboxEdit::erase_expunged(std::uint64_t mark) {
  std::uint32_t erased = 0;
  std::uint64_t first_left = 0;
  bool repack = false;
  const auto visit = [&](const NumberedRecord& at) -> Status {
    const auto& record = at.record;
    repack = repack || record.has(mailbox::flag::unlinked);
    if (!record.has(mailbox::flag::expunged) || record.has(mailbox::flag::unlinked)) {
      return success();
    }
    if (mark == 0 || record.last_updated > mark) {
      first_left = first_left == 0 ? record.last_updated : std::min(first_left, record.last_updated);
      return success();
    }
    mailbox::IndexRecord after = record;
    after.system_flags |= mailbox::flag::unlinked;
    ++erased;
    repack = true;
    return rewrite(at, after, true);
  };
  CYR_CHECK(for_each(visit));
  if (repack) {
    result_.options |= mailbox::option::needs_repack;
    result_.first_expunged = first_left;
  }
  return erased;
}

meta::Usage MailboxEdit::usage_change() const {
  const auto less = [](std::uint64_t after, std::uint64_t before) {
    return static_cast<std::int64_t>(after) - static_cast<std::int64_t>(before);
  };
  return {less(after_.quota_mailbox_used, before_.quota_mailbox_used), less(after_.exists, before_.exists),
          less(after_.annotation_bytes, before_.annotation_bytes), 0};
}

Result<std::optional<meta::Resource>> MailboxEdit::over_quota(const QuotaDemand& demand) {
  if (!quota_read_ && header_.quotaroot && !header_.quotaroot->empty()) {
    CYR_TRY(meta::Quotas * quotas, store_.quotas());
    CYR_TRY(quota_, quotas->get(*header_.quotaroot));
  }
  quota_read_ = true;
  if (!quota_) {
    return std::optional<meta::Resource>();
  }
  meta::QuotaRoot root = *quota_;
  root.used = meta::add(root.used, usage_change());
  return store::over_quota(root, demand);
}

Result<bool> MailboxEdit::fits_quota(const NumberedRecord& at) {
  CYR_CHECK(load_annotations());
  mailbox::IndexTotals more = after_;
  mailbox::IndexRecord live = at.record;
  live.system_flags &= ~mailbox::flag::expunged;
  count(more, live);
  const auto annotations = static_cast<std::int64_t>(more.annotation_bytes - after_.annotation_bytes);
  CYR_TRY(const auto over,
          over_quota({static_cast<std::int64_t>(live.size), 1, annotations > 0 ? annotations : -1, -1}));
  return !over.has_value();
}

Result<std::uint32_t> MailboxEdit::restore(const NumberedRecord& at, const RestoreOptions& options) {
  if (!at.record.has(mailbox::flag::expunged) || at.record.has(mailbox::flag::unlinked)) {
    return make_error(Errc::not_found, fmt::format("UID {} is no expunged message", at.record.uid));
  }
  const fs::path file = files_.message(at.record.uid, lies_in_archive(at.record));
  CYR_TRY(const FileInfo info, io_.stat(file));
  if (info.size != at.record.size) {
    return make_error(Errc::corrupt, fmt::format("the message file has {} bytes, its record says {}",
                                                 info.size, at.record.size))
        .at(file);
  }
  CYR_CHECK(load_annotations());
  mailbox::IndexRecord live = at.record;
  live.system_flags &= ~(mailbox::flag::expunged | mailbox::flag::needs_cleanup);
  if (options.undelete) {
    live.system_flags &= ~mailbox::flag::deleted;
  }
  if (options.user_flag) {
    live.set_user_flag(*options.user_flag, true);
  }
  if (!options.keep_uid) {
    return restore_copy(at, live);
  }
  CYR_CHECK(rewrite(at, live, false));
  return at.record.uid;
}

// The old record stays EXPUNGED, since clients were told that its UID is gone, and loses its file; the copy
// shares its cache record.
Result<std::uint32_t> MailboxEdit::restore_copy(const NumberedRecord& at, mailbox::IndexRecord copy) {
  CYR_TRY(copy.uid, next_uid());
  CYR_TRY(copy.modseq, next_modseq());
  copy.last_updated = static_cast<std::uint64_t>(now_);
  const bool archived = lies_in_archive(copy);
  new_files_.push_back({files_.message(at.record.uid, archived), files_.message(copy.uid, archived)});
  if (const auto old = annotations_->find(at.record.uid); old != annotations_->end()) {
    for (auto one : old->second) {  // each copy is a change of its own, as for Cyrus
      CYR_TRY(one.key, key_for_uid(one.key, copy.uid));
      CYR_TRY(auto value, mailbox::decode_annotation_value(as_bytes(one.stored)));
      CYR_TRY(value.modseq, next_modseq());
      CYR_TRY(const Buffer bytes, mailbox::encode_annotation_value(value));
      one.stored = std::string(as_text(bytes));
      annotation_puts_.emplace_back(one.key, one.stored);
      (*annotations_)[copy.uid].push_back(std::move(one));
    }
  }
  CYR_TRY(ConversationUpdate * conversations, this->conversations());
  if (conversations != nullptr) {
    CYR_TRY(const CachedMessage cached, cached_or_parsed(at.record));
    CYR_CHECK(conversations->change(nullptr, &copy, cached, at.record.system_flags));
  }
  count(after_, copy);
  const std::uint32_t uid = copy.uid;
  appended_.push_back(copy);
  mailbox::IndexRecord gone = at.record;
  gone.system_flags |= mailbox::flag::unlinked;
  CYR_CHECK(rewrite(at, gone, false));
  return uid;
}

Status MailboxEdit::archive(const NumberedRecord& at) {
  const auto& record = at.record;
  if (!files_.has_archive() || record.has(mailbox::flag::archived) || record.has(mailbox::flag::unlinked)) {
    return success();
  }
  mailbox::IndexRecord after = record;
  after.system_flags |= mailbox::flag::archived | mailbox::flag::needs_cleanup;
  new_files_.push_back({files_.message(record.uid, false), files_.message(record.uid, true)});
  archived_.push_back(at.recno);
  result_.options |= mailbox::option::needs_repack;
  return rewrite(at, after, true);
}

Result<std::size_t> MailboxEdit::user_flag(std::string_view name) {
  if (!mailbox::valid_flag_name(name)) {
    return make_error(Errc::invalid, fmt::format("\"{}\" cannot be the name of a user flag", name));
  }
  if (const auto bit = mailbox::find_flag(header_, name)) {
    return *bit;
  }
  const auto slot = std::find(header_.flags.begin(), header_.flags.end(), std::string());
  const auto bit = static_cast<std::size_t>(slot - header_.flags.begin());
  if (bit >= mailbox::kMaxUserFlags) {
    return make_error(Errc::invalid, "all user flags of the mailbox are taken").at(files_.header);
  }
  if (slot == header_.flags.end()) {
    header_.flags.emplace_back();
  }
  header_.flags[bit] = name;
  header_changed_ = true;
  return bit;
}

Status MailboxEdit::remove_user_flag(std::size_t bit) {
  if (bit >= header_.flags.size()) {
    return success();
  }
  CYR_CHECK(for_each([&](const NumberedRecord& at) -> Status {
    if (!at.record.user_flag(bit)) {
      return success();
    }
    mailbox::IndexRecord after = at.record;
    after.set_user_flag(bit, false);
    return rewrite(at, after, true);
  }));
  header_.flags[bit].clear();
  while (!header_.flags.empty() && header_.flags.back().empty()) {
    header_.flags.pop_back();
  }
  header_changed_ = true;
  return success();
}

}  // namespace cyr::store

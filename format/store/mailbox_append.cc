// Messages that come into a mailbox: append and copy; flags and \Recent. What they change in memory; the
// writing is in mailbox_commit.cc.
#include <fmt/format.h>

#include <algorithm>

#include "format/base/crc32.h"
#include "format/mailbox/annotation_record.h"
#include "format/mailbox/index_layout.h"
#include "format/store/archive_rule.h"
#include "format/store/mailbox_edit.h"
#include "format/store/parse_options.h"

namespace cyr::store {

namespace {

constexpr std::uint32_t kWindow = 64;  // records that at() reads together

constexpr std::uint32_t kUserSystemFlags = mailbox::flag::answered | mailbox::flag::flagged |
                                           mailbox::flag::deleted | mailbox::flag::draft |
                                           mailbox::flag::seen;

void take_summary(const mime::MessageSummary& summary, mailbox::IndexRecord& record) {
  record.guid = summary.guid;
  record.size = summary.size;
  record.header_size = summary.header_size;
  record.content_offset = summary.content_offset;
  record.content_lines = summary.content_lines;
  record.sentdate = summary.sentdate;
  record.gmtime = summary.gmtime;
  record.cache_version = summary.cache_version;
  record.cache_crc = summary.cache_crc;
}

}  // namespace

void MailboxEdit::act_for(const names::UserId& user) {
  actor_ = user;
  seen_in_index_ = seen_is_in_index(index_, files_.user, user);
  seen_.reset();
}

Status MailboxEdit::fill_window(std::uint32_t recno) {
  const std::uint32_t count = std::min(kWindow, index_.num_records - recno + 1);
  window_.resize(std::size_t{count} * index_.record_size);
  window_first_ = recno;
  return lock_.index().read_exactly(window_,
                                    index_.start_offset + std::uint64_t{recno - 1} * index_.record_size);
}

Result<NumberedRecord> MailboxEdit::at(std::uint32_t recno, std::uint32_t uid) {
  if (const auto change = changed_.find(recno); change != changed_.end() && change->second.uid == uid) {
    return NumberedRecord{recno, change->second};
  }
  if (recno == 0 || recno > index_.num_records) {
    return make_error(Errc::not_found, fmt::format("there is no record {}", recno)).at(files_.index);
  }
  const std::size_t size = index_.record_size;
  if (window_first_ == 0 || recno < window_first_ || recno >= window_first_ + window_.size() / size) {
    CYR_CHECK(fill_window(recno));
  }
  const Bytes raw = Bytes(window_).subspan((recno - window_first_) * size, size);
  const unsigned layout = mailbox::record_layout(index_);
  if (!mailbox::record_crc_ok(raw, layout)) {
    return corrupt(fmt::format("record {} has a wrong CRC", recno))
        .at(files_.index)
        .with_hint("repair the mailbox with reconstruct first");
  }
  CYR_TRY(const auto record, mailbox::decode_index_record(raw, layout));
  if (record.uid != uid) {
    return make_error(Errc::not_found, fmt::format("UID {} is not record {}", uid, recno)).at(files_.index);
  }
  return NumberedRecord{recno, record};
}

Result<std::vector<NumberedRecord>> MailboxEdit::newest() {
  std::vector<NumberedRecord> out;
  if (index_.num_records == 0) {
    return out;
  }
  const std::uint32_t first = index_.num_records > kWindow ? index_.num_records - kWindow + 1 : 1;
  CYR_CHECK(fill_window(first));
  const unsigned layout = mailbox::record_layout(index_);
  for (std::uint32_t recno = first; recno <= index_.num_records; ++recno) {
    const Bytes raw =
        Bytes(window_).subspan(std::size_t{recno - first} * index_.record_size, index_.record_size);
    if (mailbox::record_crc_ok(raw, layout)) {
      CYR_TRY(auto record, mailbox::decode_index_record(raw, layout));
      out.push_back({recno, std::move(record)});
    }
  }
  return out;
}

// \Seen goes where the user's is kept; what is left for the record.
std::uint32_t MailboxEdit::take_seen(std::uint32_t uid, std::uint32_t system_flags) {
  const std::uint32_t flags = system_flags & kUserSystemFlags;
  if (seen_in_index_ || (flags & mailbox::flag::seen) == 0) {
    return flags;
  }
  if (!actor_.empty()) {
    seen_add_.add(uid);
  }
  return flags & ~mailbox::flag::seen;
}

Status MailboxEdit::add_annotation(std::uint32_t uid, const MessageAnnotation& annotation) {
  CYR_TRY(meta::MailboxList * list, store_.mailbox_list());
  const bool keyed = meta::is_keyed(list->format());  // with the owner's placeholder, 3.6 and later
  const bool owner = keyed && !files_.user.empty() && annotation.userid == files_.user.text();
  CYR_TRY(const Buffer key,
          mailbox::encode_annotation_key({std::to_string(uid), annotation.entry,
                                          owner ? std::string(mailbox::kOwnerToken) : annotation.userid}));
  mailbox::AnnotationValue value;
  value.value = annotation.value;
  CYR_TRY(value.modseq, next_modseq());
  CYR_TRY(const Buffer stored, mailbox::encode_annotation_value(value));
  annotation_puts_.emplace_back(as_text(key), as_text(stored));
  (*annotations_)[uid].push_back({.key = std::string(as_text(key)),
                                  .stored = std::string(as_text(stored)),
                                  .entry = annotation.entry,
                                  .userid = annotation.userid,
                                  .value = annotation.value,
                                  .deleted = false});
  return success();
}

Result<std::uint32_t> MailboxEdit::finish_append(mailbox::IndexRecord record, const NewMessage& message) {
  CYR_CHECK(load_annotations());
  CYR_TRY(record.modseq, next_modseq());
  const bool older = record.createdmodseq != 0 && record.createdmodseq < record.modseq;
  record.createdmodseq = older ? record.createdmodseq : record.modseq;
  record.last_updated = static_cast<std::uint64_t>(now_);
  record.savedate = static_cast<std::uint64_t>(now_);
  // A copy stays where its source is, whatever its age.
  const bool archived = message.copied
                            ? files_.has_archive() && (message.source_flags & mailbox::flag::archived) != 0
                            : appends_to_archive(store_.config(), files_, record, now_);
  record.system_flags |= archived ? mailbox::flag::archived : 0;
  CYR_TRY(record.cache_offset, add_cache(archived, message.cache));
  std::optional<std::int64_t> mtime;
  if (!message.copied) {
    mtime = static_cast<std::int64_t>(record.internaldate);
  }
  new_files_.push_back(
      {.from = message.file,
       .to = files_.message(record.uid, archived),
       .mtime = mtime,
       .share = store_.config().is_on(conf::Option::singleinstancestore) ? Share::yes : Share::no,
       .synced = message.synced});
  CYR_TRY(ConversationUpdate * conversations, this->conversations());
  if (conversations != nullptr) {
    CYR_TRY(const CachedMessage cached, CachedMessage::from(message.cache));
    CYR_TRY(record.cid, conversations->join(record, cached));
    CYR_CHECK(conversations->change(nullptr, &record, cached, message.source_flags));
  }
  for (const auto& annotation : message.annotations) {
    CYR_CHECK(add_annotation(record.uid, annotation));
  }
  count(after_, record);
  appended_.push_back(record);
  result_.last_appenddate = static_cast<std::uint64_t>(now_);
  return record.uid;
}

Result<std::uint32_t> MailboxEdit::append(StagedMessage& message, const AppendOptions& options) {
  if (message.fault() != MessageFault::none) {
    return make_error(Errc::invalid, std::string(fault_text(message.fault())));
  }
  mailbox::IndexRecord record;
  for (const auto& name : options.user_flags) {
    CYR_TRY(const std::size_t bit, user_flag(name));
    record.set_user_flag(bit, true);
  }
  record.internaldate = static_cast<std::uint64_t>(options.internaldate.value_or(now_));
  CYR_TRY(const mime::MessageSummary* summary, message.summary(record.internaldate));
  CYR_TRY(const StagedMessage::Copy staged, message.on_partition(files_.place.partition));
  CYR_TRY(record.uid, next_uid());
  take_summary(*summary, record);
  record.system_flags = take_seen(record.uid, options.system_flags);
  return finish_append(record, {.cache = as_bytes(summary->cache_record),
                                .file = staged.path,
                                .synced = staged.synced,
                                .annotations = options.annotations});
}

// Shared ones and those of the user that copies.
Result<std::vector<MessageAnnotation>> MailboxEdit::annotations_of(const MailboxView& from,
                                                                   std::uint32_t uid) {
  if (source_ != &from) {
    CYR_TRY(source_annotations_, read_message_annotations(store_, from.files()));
    source_ = &from;
  }
  std::vector<MessageAnnotation> out;
  if (const auto found = source_annotations_.find(uid); found != source_annotations_.end()) {
    for (const auto& one : found->second) {
      if (!one.deleted && (one.userid.empty() || one.userid == actor_.text())) {
        out.push_back({one.entry, one.userid, one.value});
      }
    }
  }
  return out;
}

Result<std::uint32_t> MailboxEdit::copy(MailboxView& from, std::uint32_t recno, const CopyOptions& options) {
  CYR_TRY(const mailbox::IndexRecord source, from.records().record(recno));
  CYR_TRY(const CachedMessage cached, from.cached(recno));
  std::vector<MessageAnnotation> annotations;
  if (options.annotations) {
    CYR_TRY(annotations, annotations_of(from, source.uid));
  }
  mailbox::IndexRecord record = source;
  record.user_flags = {};
  for (std::size_t bit = 0; options.user_flags && bit < from.header().flags.size(); ++bit) {
    if (source.user_flag(bit) && !from.header().flags[bit].empty()) {
      CYR_TRY(const std::size_t mine, user_flag(from.header().flags[bit]));
      record.set_user_flag(mine, true);
    }
  }
  CYR_TRY(record.uid, next_uid());
  record.system_flags = take_seen(record.uid, options.system_flags);
  Bytes cache = cached.whole();
  record.cache_crc = crc32(cache);
  mime::MessageSummary summary;
  if (!mailbox::has_record_crc(from.index().minor_version)) {  // GUID and time are not in such an old index
    CYR_TRY(const FileBytes file, from.message(recno));
    summary = mime::summarise(file.text(), record.internaldate, parse_options(store_.config()));
    take_summary(summary, record);
    cache = as_bytes(summary.cache_record);
  } else if (record.content_offset == 0) {  // not in a newer one
    record.content_offset = record.header_size;
  }
  // Only the conversations of one user know of one another.
  const bool same_user = store_.config().is_on(conf::Option::conversations) && !files_.user.empty() &&
                         from.files().user == files_.user;
  if (!same_user) {
    record.cid = 0;
    record.basecid = 0;
  }
  return finish_append(record, {.cache = cache,
                                .file = from.message_path(source),
                                .annotations = std::move(annotations),
                                .copied = true,
                                .source_flags = source.system_flags});
}

Result<bool> MailboxEdit::change_flags(const NumberedRecord& at, const FlagChange& change) {
  std::uint32_t set = change.set & kUserSystemFlags;
  std::uint32_t clear = change.clear & kUserSystemFlags;
  bool seen_changed = false;
  if (!seen_in_index_ && !actor_.empty()) {
    if (!seen_) {
      CYR_TRY(seen_, read_seen(store_, seen_user(index_, actor_), header_.uniqueid));
    }
    const std::uint32_t uid = at.record.uid;
    const bool was = seen_->uids.contains(uid);
    const bool now = (set & mailbox::flag::seen) != 0 || (was && (clear & mailbox::flag::seen) == 0);
    seen_changed = was != now;
    seen_in_session_ = seen_in_session_ || seen_changed;
    if (seen_changed) {
      now ? seen_->uids.add(uid) : seen_->uids.remove(uid);
      (now ? seen_add_ : seen_remove_).add(uid);
      (now ? seen_remove_ : seen_add_).remove(uid);
    }
  }
  if (!seen_in_index_) {
    set &= ~mailbox::flag::seen;
    clear &= ~mailbox::flag::seen;
  }
  mailbox::IndexRecord after = at.record;
  after.system_flags = (after.system_flags & ~clear) | set;
  for (std::size_t i = 0; i < after.user_flags.size(); ++i) {
    after.user_flags[i] = (after.user_flags[i] & ~change.clear_user[i]) | change.set_user[i];
  }
  if (after == at.record && !seen_changed) {  // a change of \Seen elsewhere takes a modseq here, too
    return false;
  }
  CYR_CHECK(rewrite(at, after, false));
  return true;
}

void MailboxEdit::claim_recent(std::optional<std::uint32_t> uid) {
  recent_claimed_ = std::min(uid.value_or(result_.last_uid), result_.last_uid);
  if (seen_in_index_) {
    result_.recenttime = static_cast<std::uint64_t>(now_);
    result_.recentuid = std::max(result_.recentuid, *recent_claimed_);
  }
}

}  // namespace cyr::store

// Pass 6: the mailbox in another index version (reconstruct -V; mailbox.md 11). First what would be lost is
// found and reported; unless that is accepted the State stays as it is. Then header and records are
// converted, and what the one version keeps elsewhere moves: expunged records from and to cyrus.expunge, the
// owner's \Seen from and to his seen database, fields from and to annotations. Needs: everything in order, as
// the passes before leave it. Leaves: records, header, expunge and annotations of the target, whose sums
// pass_totals makes.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "format/base/text.h"
#include "format/check/context.h"
#include "format/check/evidence.h"
#include "format/check/messages.h"
#include "format/check/owner_seen.h"
#include "format/mailbox/annotation_record.h"
#include "format/mailbox/convert.h"
#include "format/mailbox/index_layout.h"
#include "format/meta/counters.h"
#include "format/store/user_files.h"

namespace cyr::check {

namespace {

using mailbox::IndexRecord;
using mailbox::Loss;

constexpr unsigned kFirstWithExpunge = 7;  // releases of lower versions do not know cyrus.expunge

// Losses of a mailbox by kind: how many, and the first.
class LossList {
 public:
  void add(const std::vector<Loss>& losses, std::uint32_t uid) {
    for (const Loss& loss : losses) {
      auto& row = rows_[std::string(loss.what)];
      if (row.count++ == 0) {
        row.value = loss.value;
        row.uid = uid;
      }
    }
  }
  void add(std::string_view what, std::string value, std::uint64_t count, std::uint32_t uid = 0) {
    rows_[std::string(what)] = {count, std::move(value), uid};
  }
  [[nodiscard]] bool empty() const { return rows_.empty(); }

  void report(Context& context, std::string_view version) const {
    for (const auto& [what, row] : rows_) {
      Finding finding = context.of(Problem::conversion_loss);
      finding.detail = what;
      finding.expected = std::string(version);
      if (!row.value.empty() && row.count == 1) {
        finding.found = " " + row.value;
      }
      if (row.uid != 0) {
        finding.found += row.count == 1
                             ? fmt::format(" of uid {}", row.uid)
                             : fmt::format(" of {} messages, the first is uid {}", row.count, row.uid);
      } else if (row.count > 1) {
        finding.found += fmt::format(" of {} messages", row.count);
      }
      if (context.options.accept_loss) {
        context.fix(std::move(finding));
      } else {
        context.note(std::move(finding));
      }
    }
  }

 private:
  struct Row {
    std::uint64_t count = 0;
    std::string value;
    std::uint32_t uid = 0;
  };
  std::map<std::string, Row> rows_;
};

class ConvertPass {
 public:
  ConvertPass(Context& context, const ConvertTarget& target)
      : context_(context),
        state_(context.state),
        target_(target),
        from_(context.state.index.minor_version),
        to_(target.minor_version),
        self_contained_(mailbox::has_record_crc(target.minor_version)),
        was_self_contained_(mailbox::has_record_crc(context.state.index.minor_version)) {}

  Status run() {
    if (!is_due()) {
      return success();
    }
    CYR_CHECK(find_seen());
    LossList losses;
    find_losses(losses);
    const std::string version = std::to_string(to_);
    losses.report(context_, version);
    if (!losses.empty() && !context_.options.accept_loss) {
      context_.note(with(context_.of(Problem::conversion_refused), {.expected = version}));
      return success();
    }
    context_.fix(
        with(context_.of(Problem::converted), {.found = std::to_string(from_), .expected = version}));
    tell_missing_expunged();
    return context_.stop() || context_.dry_run() ? success() : convert();
  }

 private:
  // Records of cyrus.expunge that will be dropped, since their messages are gone.
  void tell_missing_expunged() {
    std::vector<std::uint32_t> live;
    for (std::size_t i = 0; self_contained_ && i < state_.records.size(); ++i) {
      live.push_back(state_.records.uid(i));
    }
    for (std::size_t i = 0; i < state_.expunge.size(); ++i) {
      const std::uint32_t uid = state_.expunge.uid(i);
      if (uid != 0 && !std::binary_search(live.begin(), live.end(), uid) &&
          find_file(state_, uid) == state_.listing.messages.end()) {
        context_.fix(context_.of(Problem::expunged_missing, uid));
      }
    }
  }

  [[nodiscard]] bool is_due() const {
    if (to_ != from_) {
      return !(target_.never_down && to_ < from_);
    }
    if (!target_.header) {
      return false;
    }
    if (state_.header.form != *target_.header) {
      return true;
    }
    for (std::size_t i = 0; i < state_.records.size(); ++i) {
      if (!has_target_cache(state_.records.get(i))) {
        return true;
      }
    }
    return false;
  }

  [[nodiscard]] bool has_target_cache(const IndexRecord& record) const {
    return record.has(mailbox::flag::unlinked) || record.cache_version == target_.cache->cache_version;
  }

  Status find_seen() {
    if (self_contained_ != was_self_contained_) {
      CYR_TRY(seen_, owner_seen(context_));
    }
    return success();
  }

  // Annotations that may be a field of a record, by UID.
  [[nodiscard]] std::vector<mailbox::CarriedAnnotation> carried(std::uint32_t uid) const {
    std::vector<mailbox::CarriedAnnotation> out;
    const auto& all = state_.annotations;
    auto at =
        std::lower_bound(all.begin(), all.end(), uid,
                         [](const MessageAnnotation& one, std::uint32_t value) { return one.uid < value; });
    for (; at != all.end() && at->uid == uid; ++at) {
      if (!at->deleted && at->userid.empty() && at->entry.starts_with(mailbox::kVendorPrefix)) {
        out.push_back({uid, at->entry, at->value});
      }
    }
    return out;
  }

  void find_losses(LossList& losses) const {
    losses.add(mailbox::convert_header(state_.index, to_).losses, 0);
    std::uint64_t archived = 0;
    std::uint64_t seen = 0;
    std::uint64_t expunged = state_.expunge.size();
    const auto look = [&](const RecordTable& table) {
      for (std::size_t i = 0; i < table.size(); ++i) {
        const IndexRecord record = table.get(i);
        losses.add(mailbox::convert_record(record, table.layout(), to_, carried(record.uid)).losses,
                   record.uid);
        archived += record.has(mailbox::flag::archived) ? 1 : 0;
        seen += record.has(mailbox::flag::seen) ? 1 : 0;
        expunged += record.has(mailbox::flag::expunged) && !record.has(mailbox::flag::unlinked) ? 1 : 0;
      }
    };
    look(state_.records);
    look(state_.expunge);
    if (archived != 0 && !mailbox::has_cid(to_) && state_.files.has_archive()) {
      losses.add("that they lie on the archive partition,", "", archived);
    }
    if (expunged != 0 && from_ >= kFirstWithExpunge && to_ < kFirstWithExpunge) {
      losses.add("that they are expunged, but for cyrus.expunge of 2.3,", "", expunged);
    }
    if (seen != 0 && was_self_contained_ && !self_contained_ && !seen_) {
      losses.add("\\Seen, which belongs to no user,", "", seen);
    }
    if (target_.header == mailbox::HeaderForm::text && state_.header.form == mailbox::HeaderForm::dlist) {
      // "l", directories named after the mailbox, is what every release without dlists has.
      if (state_.header.type != "e" && state_.header.type != "el") {
        losses.add("the mailbox type", state_.header.type, 1);
      }
      if (state_.header.jmapid || !state_.header.extra.empty()) {
        losses.add("what later releases added to cyrus.header", "", 1);
      }
    }
  }

  Status convert() {
    convert_header();
    old_ = std::move(state_.records);
    old_expunge_ = std::move(state_.expunge);
    state_.records = {};
    state_.expunge = {};
    state_.records.reset(to_, state_.index.record_size);
    state_.expunge.reset(to_, state_.index.record_size);
    state_.rebuilt.clear();  // of another release
    state_.rebuilt_bytes = 0;
    state_.cache_profile = target_.cache;
    state_.cache_version = target_.cache->cache_version;
    for (std::size_t i = 0; i < old_.size(); ++i) {
      CYR_CHECK(take_record(i));
    }
    CYR_CHECK(take_expunge_file());
    CYR_CHECK(put_expunged());
    finish_seen();
    finish_header();
    finish_annotations();
    state_.write_index = true;
    state_.write_cache = true;
    state_.write_archive_cache = state_.files.has_archive();
    return success();
  }

  // The highest modseq that is known to have been given out to a mailbox whose index kept none.
  [[nodiscard]] std::uint64_t known_modseq() const {
    std::uint64_t highest =
        std::max<std::uint64_t>({1, state_.entry.foldermodseq, state_.entry.createdmodseq});
    if (const auto status = cached_status(context_.store, state_.entry.name)) {
      highest = std::max(highest, status->highestmodseq);
    }
    if (!state_.files.user.empty()) {
      const auto path = store::user_file(context_.store, state_.files.user, "counters");
      const auto file = path ? context_.store.io().read_file(*path) : Result<FileBytes>(path.error());
      const auto counters =
          file ? meta::decode_counters(file->bytes()) : Result<meta::Counters>(file.error());
      highest = std::max(highest, counters ? counters->highestmodseq : 0);
    }
    return highest;
  }

  void convert_header() {
    recentuid_ = state_.index.recentuid;
    recenttime_ = state_.index.recenttime;
    state_.index = mailbox::convert_header(state_.index, to_).header;
    if (self_contained_) {
      state_.index.leaked_cache_records = 0;  // nobody counts them from 2.4 on
    }
    if (!mailbox::has_modseq(from_) && mailbox::has_modseq(to_)) {
      state_.index.highestmodseq = known_modseq();
      state_.index.deletedmodseq = self_contained_ ? state_.index.highestmodseq : 0;
    }
    if (mailbox::has_createdmodseq(to_) && state_.index.createdmodseq == 0) {
      state_.index.createdmodseq = state_.entry.createdmodseq;
    }
    if (mailbox::stored_in(to_, &mailbox::IndexHeader::changes_epoch) && state_.index.changes_epoch == 0) {
      state_.index.changes_epoch = static_cast<std::uint64_t>(context_.now);
    }
    if (target_.header && state_.header.form != *target_.header) {
      if (state_.header.form == mailbox::HeaderForm::text) {  // which holds neither
        state_.header.type = meta::encode_type_letters_36(state_.entry.type);
        state_.header.name = state_.entry.name;
      }
      state_.header.form = *target_.header;
      state_.write_header = true;
    }
  }

  // A converted record with what only the message file tells, where the version needs that or the cache is of
  // another release. `parsed`: its new cache record is kept for the commit.
  struct Converted {
    IndexRecord record;
    bool expunged_cannot_stay = false;
    bool cache_bad = false;
  };
  Converted convert_one(const IndexRecord& old, unsigned layout) {
    auto conversion = mailbox::convert_record(old, layout, to_, carried(old.uid));
    store_annotations(conversion);
    for (const auto& entry : conversion.taken) {
      forget_annotation(old.uid, entry);
    }
    IndexRecord& record = conversion.record;
    if (!mailbox::has_modseq(layout) && mailbox::has_modseq(to_)) {
      record.modseq = std::max<std::uint64_t>(1, record.createdmodseq);
      state_.index.highestmodseq = std::max(state_.index.highestmodseq, record.modseq);
    }
    if (was_self_contained_ && !self_contained_ && old.has(mailbox::flag::seen)) {
      seen_uids_.add(old.uid);
    } else if (!was_self_contained_ && self_contained_ && seen_ && seen_->uids.contains(old.uid)) {
      record.system_flags |= mailbox::flag::seen;
    }
    const bool parse = conversion.needs_parse || target_.header || !has_target_cache(old);
    const bool done =
        parse && !old.has(mailbox::flag::unlinked) && parse_into(record, conversion.needs_parse);
    return {record, conversion.expunged_cannot_stay, done};
  }

  // False, and a cache record made at the commit if it can be: the file cannot be read, which is a finding of
  // pass_files.
  bool parse_into(IndexRecord& record, bool all_fields) {
    const bool archived = record.has(mailbox::flag::archived) && state_.files.has_archive();
    auto summary = parse_message_file(context_, record.uid, archived, record.internaldate);
    if (!summary) {
      return true;
    }
    if (all_fields) {
      take_summary(state_, *summary, record);
    }
    if (record.content_lines == mailbox::kContentLinesUnknown) {
      record.content_lines = summary->content_lines;
    }
    record.cache_version = summary->cache_version;
    record.cache_crc = summary->cache_crc;
    keep_rebuilt(state_, record.uid, std::move(summary->cache_record));
    return true;
  }

  Status take_record(std::size_t i) {
    const IndexRecord old = old_.get(i);
    if (old.has(mailbox::flag::unlinked) && !self_contained_) {
      set_file_aside(old);  // its removal was due; an older release would take it for a new message
      return success();
    }
    const Converted converted = convert_one(old, old_.layout());
    if (converted.expunged_cannot_stay) {
      expunged_.push_back(converted);
      return success();
    }
    CYR_CHECK(state_.records.append(converted.record));
    if (converted.cache_bad || old_.cache_bad(i)) {
      state_.records.set_cache_bad(state_.records.size() - 1);
    }
    return success();
  }

  void set_file_aside(const IndexRecord& record) {
    if (const auto file = find_file(state_, record.uid); file != state_.listing.messages.end()) {
      state_.actions.push_back({FileAction::Kind::set_aside,
                                Problem::converted,
                                state_.files.message(record.uid, file->archived != 0),
                                {}});
    }
  }

  // cyrus.expunge beside the old index: stays in its place below v12, else becomes records of the index,
  // which wins where both have a UID.
  Status take_expunge_file() {
    if (!state_.expunge_header) {
      return success();
    }
    for (std::size_t i = 0; i < old_expunge_.size(); ++i) {
      const IndexRecord old = old_expunge_.get(i);
      const bool live = std::binary_search(live_uids().begin(), live_uids().end(), old.uid);
      if (old.uid == 0 || (live && self_contained_)) {
        continue;
      }
      if (find_file(state_, old.uid) == state_.listing.messages.end()) {
        continue;  // tell_missing_expunged()
      }
      Converted converted = convert_one(old, old_expunge_.layout());
      if (!self_contained_) {
        expunged_.push_back(converted);
        continue;
      }
      converted.record.system_flags |= mailbox::flag::expunged;
      CYR_CHECK(state_.records.append(converted.record));
      state_.records.set_cache_bad(state_.records.size() - 1);
      state_.index.last_uid = std::max(state_.index.last_uid, old.uid);
    }
    if (self_contained_) {
      state_.records.tidy();
      state_.expunge_header.reset();
      state_.actions.push_back({FileAction::Kind::set_aside, Problem::converted, state_.files.expunge, {}});
    }
    return success();
  }

  const std::vector<std::uint32_t>& live_uids() {
    if (live_uids_.empty()) {
      for (std::size_t i = 0; i < old_.size(); ++i) {
        live_uids_.push_back(old_.uid(i));
      }
    }
    return live_uids_;
  }

  // The expunged set of 2.3, one expunge after the other.
  Status put_expunged() {
    if (self_contained_ || (expunged_.empty() && !state_.expunge_header)) {
      return success();
    }
    std::stable_sort(expunged_.begin(), expunged_.end(), [](const Converted& a, const Converted& b) {
      return a.record.last_updated < b.record.last_updated;
    });
    for (const auto& one : expunged_) {
      CYR_CHECK(state_.expunge.append(one.record));
      if (one.cache_bad) {
        state_.expunge.set_cache_bad(state_.expunge.size() - 1);
      }
    }
    state_.expunge_header = state_.index;
    state_.expunge_header->last_appenddate = expunged_.empty() ? 0 : expunged_.back().record.last_updated;
    state_.index.leaked_cache_records = static_cast<std::uint32_t>(expunged_.size());
    state_.write_expunge = true;
    return success();
  }

  void finish_seen() {
    if (!seen_ || self_contained_ == was_self_contained_) {
      return;
    }
    if (self_contained_) {
      state_.index.recentuid = std::min(seen_->record.lastuid, state_.index.last_uid);
      state_.index.recenttime =
          static_cast<std::uint64_t>(std::max<std::int64_t>(seen_->record.lastchange, 0));
      return;
    }
    if (!seen_->stored && seen_uids_.empty() && recentuid_ == 0) {
      return;
    }
    std::string value = seen_value(*seen_, seen_uids_, recentuid_, recenttime_);
    if (seen_->stored != value) {
      state_.seen = RecordWrite{seen_->path, seen_->key, seen_->stored, std::move(value)};
    }
  }

  void finish_header() {
    state_.index.first_expunged = 0;
    if (!self_contained_) {
      return;
    }
    for (std::size_t i = 0; i < state_.records.size(); ++i) {
      const IndexRecord record = state_.records.get(i);
      if (record.has(mailbox::flag::expunged) &&
          (state_.index.first_expunged == 0 || record.last_updated < state_.index.first_expunged)) {
        state_.index.first_expunged = record.last_updated;
      }
    }
  }

  void store_annotations(const mailbox::RecordConversion& conversion) {
    for (const auto& one : conversion.store) {
      const auto key = mailbox::encode_annotation_key({std::to_string(one.uid), one.entry, {}});
      mailbox::AnnotationValue value;
      value.value = one.value;
      value.modseq = conversion.record.modseq;
      value.has_modseq = target_.annotation_modseqs;
      const auto stored = mailbox::encode_annotation_value(value);
      if (key && stored) {
        new_annotations_.push_back({.uid = one.uid,
                                    .key = std::string(as_text(*key)),
                                    .entry = one.entry,
                                    .userid = {},
                                    .value = one.value,
                                    .stored = std::string(as_text(*stored)),
                                    .deleted = false});
      }
    }
  }

  void forget_annotation(std::uint32_t uid, const std::string& entry) {
    const auto key = mailbox::encode_annotation_key({std::to_string(uid), entry, {}});
    if (key) {
      gone_.emplace_back(as_text(*key));
    }
  }

  void finish_annotations() {
    std::sort(gone_.begin(), gone_.end());
    auto& all = state_.annotations;
    all.erase(std::remove_if(all.begin(), all.end(),
                             [this](const MessageAnnotation& one) {
                               return std::binary_search(gone_.begin(), gone_.end(), one.key);
                             }),
              all.end());
    for (const auto& one : new_annotations_) {
      state_.annotation_puts.emplace_back(one.key, one.stored);
      all.push_back(one);
    }
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.uid < b.uid; });
    state_.annotation_keys_after = std::move(gone_);
  }

  Context& context_;
  State& state_;
  const ConvertTarget& target_;
  const unsigned from_, to_;
  const bool self_contained_, was_self_contained_;  // \Seen and expunged messages are in the index: v12+
  std::optional<SeenState> seen_;
  text::SequenceSet seen_uids_;
  std::uint32_t recentuid_ = 0;
  std::uint64_t recenttime_ = 0;
  RecordTable old_, old_expunge_;
  std::vector<std::uint32_t> live_uids_;
  std::vector<Converted> expunged_;  // for cyrus.expunge
  std::vector<MessageAnnotation> new_annotations_;
  std::vector<std::string> gone_;  // keys
};

}  // namespace

Status pass_convert(Context& context) {
  if (!context.options.convert) {
    return success();
  }
  ConvertPass pass(context, *context.options.convert);
  return pass.run();
}

}  // namespace cyr::check

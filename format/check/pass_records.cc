// Pass 3: the index records by themselves. Checks: record CRC, ascending UIDs, UIDs and modseqs within the
// header's bounds, user flags that have a name. A single wrong byte is corrected by the CRC; a record that is
// damaged beyond that is kept where a message file confirms it. Needs: index header, header, listing. Leaves:
// state.records with every record usable, state.lost with the UID ranges where records are gone.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "format/base/parallel.h"
#include "format/check/context.h"
#include "format/check/conversations_evidence.h"
#include "format/check/crc_fix.h"
#include "format/check/messages.h"
#include "format/check/unchecked_bits.h"
#include "format/mailbox/index_layout.h"

namespace cyr::check {

namespace {

constexpr std::uint32_t kLastUid = UINT32_MAX;
constexpr std::size_t kLeastRecords = 8192;  // records for which another thread is worth its start

class RecordPass {
 public:
  explicit RecordPass(Context& context)
      : context_(context), state_(context.state), records_(context.state.records) {}

  Status run() {
    sort_out();
    if (!suspects_.empty()) {
      for (const auto i : accepted_) {
        claimed_.push_back(records_.uid(i));
      }
    }
    for (const auto& suspect : suspects_) {
      CYR_CHECK(resolve(suspect));
      if (context_.stop()) {
        return success();
      }
    }
    if (state_.records_lost != 0) {
      // Above the last one that is left, unless the records were in no order or there is no room for so many.
      const std::uint32_t last = accepted_.empty() ? 0 : records_.uid(accepted_.back());
      const bool room = state_.index.last_uid >= last && state_.index.last_uid - last >= state_.records_lost;
      add_lost(displaced_.empty() && room ? last : 0, kLastUid);
    }
    records_.tidy();
    CYR_CHECK(correct_unchecked_bits(context_));
    check_bounds();
    return success();
  }

 private:
  struct Suspect {
    std::size_t record = 0;
    std::uint32_t after = 0;  // UIDs of the usable neighbours: the true one lies strictly between
    std::uint32_t before = kLastUid;
    std::string why;
  };

  // A wrong byte that the record's own CRC points to.
  bool correct(std::size_t i, std::uint32_t previous) {
    const auto* version = mailbox::index_version(records_.layout());
    const Bytes raw = records_.raw(i);
    const auto stored = load_be<std::uint32_t>(raw.data() + version->record_crc_at);
    const auto fix = find_wrong_byte(raw.first(version->record_crc_at), stored);
    if (!fix) {
      return false;
    }
    records_.set_byte(i, fix->offset, fix->mask);
    if (records_.uid(i) <= previous ||
        (i + 1 < records_.size() && records_.crc_ok(i + 1) && records_.uid(i) >= records_.uid(i + 1))) {
      records_.set_byte(i, fix->offset, fix->mask);  // fits the CRC, but not its neighbours: chance
      return false;
    }
    Finding finding = context_.of(Problem::record_corrected, records_.uid(i));
    finding.found = std::to_string(i + 1);
    finding.path = state_.files.index;
    finding.offset = state_.index.start_offset + i * records_.record_size() + fix->offset;
    state_.write_index = true;
    return context_.fix(std::move(finding));
  }

  // True if record `i` fits and it is the one accepted before it that stands out.
  [[nodiscard]] bool previous_stands_out(std::size_t i) const {
    const std::uint32_t uid = records_.uid(i);
    const std::uint32_t before = accepted_.size() >= 2 ? records_.uid(accepted_[accepted_.size() - 2]) : 0;
    return !accepted_.empty() && uid > before && i + 1 < records_.size() && records_.uid(i + 1) > uid &&
           records_.uid(i + 1) <= records_.uid(accepted_.back());
  }

  // The records whose CRC is wrong, ascending.
  [[nodiscard]] std::vector<std::size_t> wrong_crcs() const {
    std::vector<std::vector<std::size_t>> wrong(
        parts_of(records_.size(), kLeastRecords, context_.options.threads));
    for_parts(records_.size(), wrong.size(), [&](const Part& part) {
      for (std::size_t i = part.begin; i < part.end; ++i) {
        if (!records_.crc_ok(i)) {
          wrong[part.number].push_back(i);
        }
      }
    });
    for (std::size_t i = 1; i < wrong.size(); ++i) {
      wrong[0].insert(wrong[0].end(), wrong[i].begin(), wrong[i].end());
    }
    return std::move(wrong[0]);
  }

  void sort_out() {
    const bool crc = mailbox::has_record_crc(records_.layout());
    const auto wrong = crc ? wrong_crcs() : std::vector<std::size_t>();
    auto next_wrong = wrong.cbegin();
    for (std::size_t i = 0; i < records_.size(); ++i) {
      const std::uint32_t last = accepted_.empty() ? 0 : records_.uid(accepted_.back());
      const bool wrong_crc = next_wrong != wrong.cend() && *next_wrong == i;
      next_wrong += wrong_crc ? 1 : 0;
      if (wrong_crc && !correct(i, last)) {
        bad_.push_back({i, last, kLastUid, "record checksum"});
        continue;
      }
      if (records_.uid(i) == 0) {
        bad_.push_back({i, last, kLastUid, "uid 0"});
        continue;
      }
      if (records_.uid(i) <= last) {
        if (!crc && previous_stands_out(i)) {
          const std::size_t odd = accepted_.back();
          accepted_.pop_back();
          bad_.push_back(
              {odd, accepted_.empty() ? 0 : records_.uid(accepted_.back()), kLastUid, "uid out of order"});
        } else {
          displaced_.push_back(i);
          continue;
        }
      }
      accepted_.push_back(i);
    }
    place_displaced(crc);
    name_neighbours();
  }

  [[nodiscard]] bool accepted_has(std::uint32_t uid) const {
    const auto at =
        std::lower_bound(accepted_.begin(), accepted_.end(), uid,
                         [this](std::size_t i, std::uint32_t value) { return records_.uid(i) < value; });
    return at != accepted_.end() && records_.uid(*at) == uid;
  }

  // Records that are sound but stand at the wrong place; those that repeat a UID go.
  void place_displaced(bool crc) {
    for (const std::size_t i : displaced_) {
      const std::uint32_t uid = records_.uid(i);
      Finding finding = context_.of(Problem::record_order, uid);
      finding.found = std::to_string(i + 1);
      if (accepted_has(uid)) {
        drop_repeated(i, crc, std::move(finding));
      } else if (crc || find_file(state_, uid) != state_.listing.messages.end()) {
        finding.problem = Problem::record_moved;
        context_.fix(std::move(finding));
        accepted_.insert(
            std::lower_bound(accepted_.begin(), accepted_.end(), uid,
                             [this](std::size_t k, std::uint32_t value) { return records_.uid(k) < value; }),
            i);
        state_.write_index = true;
        records_.set_changed();
      } else {
        bad_.push_back({i, i == 0 ? 0 : records_.uid(i - 1), kLastUid, "uid out of order"});
      }
    }
  }

  // Of two sound records of one UID the newer stays. A record was lost there, if a message between the
  // neighbours has none.
  void drop_repeated(std::size_t i, bool crc, Finding finding) {
    const auto first =
        std::lower_bound(accepted_.begin(), accepted_.end(), records_.uid(i),
                         [this](std::size_t k, std::uint32_t uid) { return records_.uid(k) < uid; });
    std::size_t dropped = i;
    if (crc && records_.get(i).modseq > records_.get(*first).modseq) {
      std::swap(dropped, *first);
      finding.found = std::to_string(dropped + 1);
      records_.set_changed();
    }
    context_.fix(std::move(finding));
    records_.drop(dropped);
    state_.write_index = true;
    const std::uint32_t after = i == 0 ? 0 : records_.uid(i - 1);
    const std::uint32_t before = i + 1 == records_.size() ? kLastUid : records_.uid(i + 1);
    if (crc && displaced_.size() == 1 && before != kLastUid && has_message_without_record(after, before)) {
      add_lost(after, before);
      ++state_.records_lost;
    }
  }

  [[nodiscard]] bool has_message_without_record(std::uint32_t after, std::uint32_t before) const {
    const auto& files = state_.listing.messages;
    return std::any_of(files.begin(), files.end(), [&](const store::MessageFile& file) {
      return file.uid > after && file.uid < before && !accepted_has(file.uid);
    });
  }

  void name_neighbours() {
    for (auto& suspect : bad_) {
      const auto next =
          std::upper_bound(accepted_.begin(), accepted_.end(), suspect.after,
                           [this](std::uint32_t value, std::size_t i) { return value < records_.uid(i); });
      suspect.before = next == accepted_.end() ? kLastUid : records_.uid(*next);
      if (!displaced_.empty()) {  // neighbours in the file say nothing
        suspect.after = 0;
        suspect.before = kLastUid;
      }
      suspects_.push_back(suspect);
    }
  }

  // Files between the neighbours that no record claims.
  std::vector<store::MessageFile> unclaimed(const Suspect& suspect) const {
    std::vector<store::MessageFile> out;
    const auto& files = state_.listing.messages;
    auto at = std::upper_bound(
        files.begin(), files.end(), suspect.after,
        [](std::uint32_t value, const store::MessageFile& file) { return value < file.uid; });
    for (; at != files.end() && at->uid < suspect.before; ++at) {
      if (!std::binary_search(claimed_.begin(), claimed_.end(), at->uid)) {
        out.push_back(*at);
      }
    }
    return out;
  }

  // The unclaimed file that a damaged record belongs to: the one whose content has the record's GUID; failing
  // that, the one that agrees in UID and size, or, without GUIDs, in size and date.
  Result<std::optional<std::pair<store::MessageFile, bool>>> owner_of(const Suspect& suspect,
                                                                      const mailbox::IndexRecord& record) {
    using Owner = std::optional<std::pair<store::MessageFile, bool>>;
    auto files = unclaimed(suspect);
    std::stable_sort(files.begin(), files.end(), [&record](const auto& a, const auto& b) {
      return (a.size == record.size) > (b.size == record.size);
    });
    constexpr std::size_t most = 1000;  // a hostile directory must not make this quadratic
    for (std::size_t i = 0; !record.guid.is_null() && i < std::min(files.size(), most); ++i) {
      auto summary = parse_message_file(context_, files[i].uid, files[i].archived != 0, record.internaldate);
      if (!summary && summary.error().code == Errc::io) {
        return unreadable_now(std::move(summary.error()));
      }
      if (summary && summary->guid == record.guid) {
        return Owner(std::pair{files[i], true});
      }
    }
    for (const auto& file : files) {
      const bool same_size = file.size == record.size;
      const bool same_date = static_cast<std::uint64_t>(file.mtime) == record.internaldate;
      if ((file.uid == record.uid && same_size) || (same_size && same_date) ||
          (file.uid == record.uid && same_date)) {
        return Owner(std::pair{file, false});
      }
    }
    return Owner();
  }

  Status resolve(const Suspect& suspect) {
    mailbox::IndexRecord record = records_.get(suspect.record);
    CYR_TRY(const auto owner, owner_of(suspect, record));
    if (!owner) {
      Finding finding = context_.of(Problem::record_lost);
      finding.found = std::to_string(suspect.record + 1);
      finding.detail = suspect.why;
      context_.fix(std::move(finding));
      records_.drop(suspect.record);
      add_lost(suspect.after, suspect.before);
      ++state_.records_lost;
      state_.write_index = true;
      return success();
    }
    return adopt(suspect, std::move(record), owner->first);
  }

  // Takes a damaged record over for `file`: fields that cannot be right are replaced, the others are
  // believed.
  Status adopt(const Suspect& suspect, mailbox::IndexRecord record, const store::MessageFile& file) {
    std::string replaced;
    const auto replace = [&replaced](std::string_view name) {
      replaced += fmt::format(", {} replaced", name);
    };
    const auto mtime = static_cast<std::uint64_t>(std::max<std::int64_t>(file.mtime, 0));
    const auto day_ahead = static_cast<std::uint64_t>(context_.now) + 86400;
    const bool file_knows = mtime != 0 && mtime <= day_ahead && files_have_dates();
    if (record.internaldate != mtime &&
        (record.internaldate == 0 || record.internaldate > day_ahead || file_knows)) {
      record.internaldate = mtime;
      replace("internaldate");
    }
    record.uid = file.uid;
    if (drop_unnamed_flags(record)) {
      replace("user flags without a name");
    }
    constexpr std::uint32_t known_flags = 0xFC00001FU;
    if ((record.system_flags & ~known_flags) != 0) {
      record.system_flags &= known_flags;
      replace("unknown flags");
    }
    CYR_TRY(auto summary, parse_message_file(context_, file.uid, file.archived != 0, record.internaldate));
    take_summary(state_, summary, record);
    if (record.modseq > state_.index.highestmodseq || record.modseq == 0) {
      record.modseq = next_modseq(state_);
      replace("modseq");
    }
    if (take_conversation_facts(record)) {
      replace("conversation id and flags");
    }
    record.createdmodseq = std::min(record.createdmodseq, record.modseq);
    record.savedate = record.savedate > day_ahead ? mtime : record.savedate;
    record.last_updated =
        record.last_updated > day_ahead ? static_cast<std::uint64_t>(context_.now) : record.last_updated;
    Finding finding = context_.of(Problem::record_salvaged, file.uid);
    finding.found = std::to_string(suspect.record + 1);
    finding.detail = replaced;
    context_.fix(std::move(finding));
    state_.salvaged.push_back(file.uid);
    claimed_.insert(std::lower_bound(claimed_.begin(), claimed_.end(), file.uid), file.uid);
    state_.write_index = true;
    return records_.set(suspect.record, record);
  }

  // Then the file knows better than a damaged record.
  bool files_have_dates() {
    if (!files_have_dates_) {
      files_have_dates_ = count_file_dates(state_, accepted_).kept();
    }
    return *files_have_dates_;
  }

  // Bits of user flags that neither a name in the header nor a sound record knows: the damage set them.
  bool drop_unnamed_flags(mailbox::IndexRecord& record) {
    if (!flags_of_sound_) {
      flags_of_sound_.emplace();
      for (const std::size_t i : accepted_) {
        add_flags(records_.get(i), *flags_of_sound_);
      }
    }
    const auto& names = state_.header.flags;
    bool dropped = false;
    for (std::uint32_t bit = 0; bit < mailbox::kMaxUserFlags; ++bit) {
      const std::uint32_t mask = 1U << (bit % 32);
      const bool known =
          (bit < names.size() && !names[bit].empty()) || ((*flags_of_sound_)[bit / 32] & mask) != 0;
      if (!known && (record.user_flags[bit / 32] & mask) != 0) {
        record.user_flags[bit / 32] &= ~mask;
        dropped = true;
      }
    }
    return dropped;
  }

  using UserFlags = std::array<std::uint32_t, mailbox::kUserFlagWords>;
  static void add_flags(const mailbox::IndexRecord& record, UserFlags& used) {
    for (std::size_t word = 0; word < used.size(); ++word) {
      used[word] |= record.user_flags[word];
    }
  }

  // From the owner's conversations database, which has a copy of them.
  bool take_conversation_facts(mailbox::IndexRecord& record) {
    if (!mailbox::has_cid(state_.index.minor_version)) {
      return false;
    }
    if (!conversations_) {
      conversations_ = ConversationsEvidence::load(context_);
    }
    return conversations_->restore(record);
  }

  void add_lost(std::uint32_t after, std::uint32_t before) {
    if (before - after > 1) {
      state_.lost.push_back({after + 1, before - 1});
    }
  }

  // UID and modseq bounds, user flags without a name.
  void check_bounds() {
    UserFlags used{};
    const bool modseqs = mailbox::has_modseq(records_.layout());
    for (std::size_t i = 0; i < records_.size(); ++i) {
      const auto record = records_.get(i);
      if (record.uid > state_.index.last_uid) {
        context_.fix(context_.of(Problem::future_uid, record.uid));
        state_.index.last_uid = record.uid;
        state_.write_index = true;
      }
      if (modseqs && record.modseq > state_.index.highestmodseq) {
        context_.fix(
            with(context_.of(Problem::future_modseq, record.uid), {.found = std::to_string(record.modseq)}));
        state_.index.highestmodseq = record.modseq;
        state_.write_index = true;
      }
      add_flags(record, used);
    }
    name_flags(used);
  }

  void name_flags(const UserFlags& used) {
    auto& names = state_.header.flags;
    for (std::uint32_t bit = 0; bit < mailbox::kMaxUserFlags; ++bit) {
      if ((used[bit / 32] >> (bit % 32) & 1U) == 0 || (bit < names.size() && !names[bit].empty())) {
        continue;
      }
      if (names.size() <= bit) {
        names.resize(bit + 1);
      }
      names[bit] = fmt::format("flag-{}", bit);
      context_.fix(with(context_.of(Problem::flag_name_lost, bit), {.expected = names[bit]}));
      state_.write_header = true;
      state_.write_index = true;
    }
  }

  Context& context_;
  State& state_;
  RecordTable& records_;
  std::vector<std::size_t> accepted_;   // usable records, UIDs ascending
  std::vector<std::size_t> displaced_;  // sound, but out of order
  std::vector<Suspect> bad_, suspects_;
  std::vector<std::uint32_t> claimed_;    // UIDs of accepted records, sorted
  std::optional<bool> files_have_dates_;  // both counted when the first damaged record asks
  std::optional<UserFlags> flags_of_sound_;
  std::optional<ConversationsEvidence> conversations_;  // read when the first damaged record asks
};

}  // namespace

Status pass_records(Context& context) {
  context.state.cache_version = choose_cache_version(context.state);
  RecordPass pass(context);
  return pass.run();
}

}  // namespace cyr::check

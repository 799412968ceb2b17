// Pass 4: index records against message files and cache records, merged in UID order. Checks: record without
// file, file without record, empty and odd files, place (spool or archive), size, GUID (with -G, or when
// something else asks for a parse), cache record. Needs: records that ascend. Leaves: a record for every
// message file and the reverse.
#include <fmt/format.h>

#include <algorithm>

#include "format/check/context.h"
#include "format/check/conversations_evidence.h"
#include "format/check/lost_records.h"
#include "format/check/message_check.h"
#include "format/check/messages.h"
#include "format/check/moved_messages.h"
#include "format/mailbox/cache_reader.h"
#include "format/mailbox/index_layout.h"

namespace cyr::check {

namespace {

class FilePass {
 public:
  explicit FilePass(Context& context) : context_(context), state_(context.state), checker_(context) {}

  Status run() {
    report_odd_files();
    CYR_CHECK(checker_.open_caches());
    CYR_CHECK(merge());
    if (context_.stop()) {
      return success();
    }
    CYR_CHECK(add_files());
    state_.records.tidy();
    return checker_.check_generations();
  }

 private:
  void report_odd_files() {
    const auto report = [this](Problem problem, const fs::path& path) {
      Finding finding = context_.of(problem);
      finding.path = path;
      if (problem == Problem::misnamed_file) {
        finding.uid = mailbox_uid(path);
      }
      if (!context_.options.remove_odd) {
        context_.note(std::move(finding));
      } else if (context_.fix(std::move(finding))) {
        state_.actions.push_back({FileAction::Kind::set_aside, problem, path, {}});
      }
    };
    for (const auto& path : state_.listing.leftovers) {
      Finding finding = context_.of(Problem::message_leftover);
      finding.path = path;
      if (context_.fix(std::move(finding))) {
        state_.actions.push_back({FileAction::Kind::set_aside, Problem::message_leftover, path, {}});
      }
    }
    if (context_.options.ignore_odd) {
      return;
    }
    for (const auto& path : state_.listing.odd) {
      report(Problem::odd_file, path);
    }
    for (const auto& path : state_.listing.misnamed) {
      report(Problem::misnamed_file, path);
    }
  }

  static std::uint32_t mailbox_uid(const fs::path& path);

  // Files of one UID: the spool's first when there are two.
  using FileIterator = std::vector<store::MessageFile>::const_iterator;
  FileIterator same_uid(FileIterator from) const {
    FileIterator end = from;
    while (end != state_.listing.messages.end() && end->uid == from->uid) {
      ++end;
    }
    return end;
  }

  // The messages are parsed that the next records will ask for, those behind them begin to be. A look that
  // ends with the first finding may need no more than one, so the first stretch is short.
  Status look_ahead() {
    constexpr std::size_t first_stretch = 64;
    if (begun_until_ == 0) {
      begun_file_ = state_.listing.messages.cbegin();
      CYR_CHECK(begin_parsing(context_.probing() ? first_stretch : ParsedAhead::kMost));
    }
    context_.ahead.step();
    ready_until_ = begun_until_;
    return begin_parsing(ParsedAhead::kMost);
  }

  Status begin_parsing(std::size_t count) {
    const std::size_t from = begun_until_;
    begun_until_ += count;
    if (context_.options.threads < 2) {
      return success();
    }
    std::vector<MessageToParse> wanted;
    FileIterator& file = begun_file_;
    for (std::size_t i = from; i < std::min(begun_until_, state_.records.size()); ++i) {
      const auto record = state_.records.get(i);
      while (file != state_.listing.messages.cend() && file->uid < record.uid) {
        ++file;
      }
      if (file == state_.listing.messages.cend() || file->uid != record.uid) {
        continue;
      }
      CYR_TRY(const bool cached, checker_.has_cache(i));
      if (cached && !context_.options.force_reparse) {
        continue;
      }
      wanted.push_back(message_to_parse(context_, record.uid, file->archived != 0, record.internaldate));
      wanted.back().size = file->size;
      if (cached && (file->archived != 0) == record.has(mailbox::flag::archived)) {
        wanted.back().cache_crc = record.cache_crc;
        wanted.back().cache_version = record.cache_version;
      }
    }
    begin_parsing(std::move(wanted));
    return success();
  }

  void begin_parsing(std::vector<MessageToParse> wanted) {
    context_.ahead.begin(context_.message_reader(), std::move(wanted), parse_options(context_),
                         context_.options.threads);
  }

  Status merge() {
    auto file = state_.listing.messages.cbegin();
    const auto end = state_.listing.messages.cend();
    const std::size_t count = state_.records.size();
    for (std::size_t i = 0; i < count; ++i) {
      if (i == ready_until_) {
        CYR_CHECK(look_ahead());
      }
      const std::uint32_t uid = state_.records.uid(i);
      while (file != end && file->uid < uid) {
        strays_.push_back(*file);
        file = same_uid(file);
      }
      if (file != end && file->uid == uid) {
        const auto next = same_uid(file);
        CYR_CHECK(checker_.check(i, *file, next - file > 1 ? &*(file + 1) : nullptr));
        file = next;
      } else {
        missing_.push_back(i);
      }
      if (context_.stop()) {
        return success();
      }
    }
    for (; file != end; file = same_uid(file)) {
      strays_.push_back(*file);
    }
    context_.ahead.clear();
    CYR_CHECK(MovedMessages(context_, checker_, strays_, missing_).run());
    return context_.stop() ? success() : resolve_missing();
  }

  // Without record CRCs a damaged UID shows as a record without file beside a file without record.
  [[nodiscard]] bool take_stray(std::size_t i) {
    if (mailbox::has_record_crc(state_.records.layout())) {
      return false;
    }
    auto record = state_.records.get(i);
    const std::uint32_t after = i == 0 ? 0 : state_.records.uid(i - 1);
    const std::uint32_t before = i + 1 < state_.records.size() ? state_.records.uid(i + 1) : UINT32_MAX;
    for (auto stray = strays_.begin(); stray != strays_.end(); ++stray) {
      if (stray->uid > after && stray->uid < before && stray->size == record.size &&
          static_cast<std::uint64_t>(stray->mtime) == record.internaldate && stray->size != 0) {
        Finding finding = context_.of(Problem::record_salvaged, stray->uid);
        finding.found = std::to_string(i + 1);
        finding.detail = fmt::format(", uid was {}", record.uid);
        context_.fix(std::move(finding));
        record.uid = stray->uid;
        state_.index.last_uid = std::max(state_.index.last_uid, record.uid);
        const bool stored = state_.records.set(i, record).has_value();
        strays_.erase(stray);
        return stored;
      }
    }
    return false;
  }

  Status resolve_missing() {
    for (const std::size_t i : missing_) {
      const auto record = state_.records.get(i);
      if (record.has(mailbox::flag::unlinked) || take_stray(i)) {
        continue;  // its file is meant to be gone
      }
      context_.fix(context_.of(Problem::message_missing, record.uid));
      checker_.remove(i);
      if (context_.stop()) {
        return success();
      }
    }
    return success();
  }

  [[nodiscard]] bool keeps_uid(std::uint32_t uid) const {
    if (state_.index_lost || uid > state_.index.last_uid) {
      return true;
    }
    return std::any_of(state_.lost.begin(), state_.lost.end(),
                       [uid](const UidRange& range) { return uid >= range.first && uid <= range.last; });
  }

  Status add_files() {
    // In place: of a lost index these are all the files that there are.
    std::vector<store::MessageFile> renumber;
    std::erase_if(strays_, [&](const store::MessageFile& file) {
      if (std::binary_search(state_.expunge_uids.begin(), state_.expunge_uids.end(), file.uid)) {
        return true;  // expunged by Cyrus 2.3, which keeps the record elsewhere
      }
      if (!keeps_uid(file.uid)) {
        renumber.push_back(file);
        return true;
      }
      return false;
    });
    state_.records.reserve(strays_.size() + renumber.size());
    for (std::size_t i = 0; i < strays_.size(); ++i) {
      look_ahead(strays_, i);
      CYR_CHECK(add(strays_[i], strays_[i].uid, Problem::message_found));
      if (context_.stop()) {
        return success();
      }
    }
    CYR_CHECK(restore_lost_states(context_, added_));
    for (std::size_t i = 0; i < renumber.size(); ++i) {
      look_ahead(renumber, i);
      CYR_CHECK(add(renumber[i], state_.index.last_uid + 1, Problem::message_rediscovered));
    }
    context_.ahead.clear();
    return checker_.append_upgraded();
  }

  // The same for files without a record; a look that ends with the first of them needs nothing.
  void look_ahead(const std::vector<store::MessageFile>& files, std::size_t from) {
    if (from % ParsedAhead::kMost != 0 || context_.options.threads < 2 || context_.probing()) {
      return;
    }
    if (from == 0) {
      begin_parsing(files, 0);
    }
    context_.ahead.step();
    begin_parsing(files, from + ParsedAhead::kMost);
  }

  void begin_parsing(const std::vector<store::MessageFile>& files, std::size_t from) {
    std::vector<MessageToParse> wanted;
    for (std::size_t i = from; i < std::min(from + ParsedAhead::kMost, files.size()); ++i) {
      wanted.push_back(message_to_parse(context_, files[i].uid, files[i].archived != 0, date_of(files[i])));
      wanted.back().size = files[i].size;
    }
    begin_parsing(std::move(wanted));
  }

  // Stands in for an unusable Date field.
  static std::uint64_t date_of(const store::MessageFile& file) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(file.mtime, 0));
  }

  Status add(const store::MessageFile& file, std::uint32_t uid, Problem problem) {
    if (uid == 0) {
      return make_error(Errc::unsupported, "all UIDs are used up").at(state_.files.index);
    }
    const fs::path path = state_.files.message(file.uid, file.archived != 0);
    auto summary = parse_message_file(context_, file.uid, file.archived != 0, date_of(file));
    if (!summary && summary.error().code == Errc::io && problem == Problem::message_found) {
      return unreadable_now(std::move(summary.error()));
    }
    if (!summary) {
      checker_.report_unreadable(file.uid, path, summary.error());
      return success();
    }
    if (summary->size == 0) {
      context_.fix(context_.of(Problem::message_empty, file.uid));
      state_.actions.push_back({FileAction::Kind::set_aside, Problem::message_empty, path, {}});
      return success();
    }
    context_.fix(context_.of(problem, file.uid));
    auto numbered = file;
    numbered.uid = uid;
    if (uid != file.uid) {
      state_.renumbered.emplace_back(file.uid, uid);
      state_.actions.push_back(
          {FileAction::Kind::rename, problem, path, state_.files.message(uid, file.archived != 0)});
    }
    const bool was_lost = uid == file.uid && uid <= state_.index.last_uid;
    state_.index.last_uid = std::max(state_.index.last_uid, uid);
    auto record = new_record(context_, numbered, *summary);
    // Also above last_uid: an index from an older backup knows nothing of the later messages.
    const bool state_known = uid == file.uid && conversations().apply(context_, record);
    if (was_lost && !state_known) {
      added_.push_back(uid);
    }
    return checker_.append(record, std::move(*summary));
  }

  const ConversationsEvidence& conversations() {
    if (!conversations_) {
      conversations_ = ConversationsEvidence::load(context_);
    }
    return *conversations_;
  }

  Context& context_;
  State& state_;
  MessageCheck checker_;
  std::optional<ConversationsEvidence> conversations_;  // read when the first lost record asks
  std::vector<store::MessageFile> strays_;
  std::vector<std::size_t> missing_;
  std::size_t ready_until_ = 0;       // the messages of records before this one are parsed,
  std::size_t begun_until_ = 0;       // of those before this one begin to be
  FileIterator begun_file_;           // where that one's file is to be looked for
  std::vector<std::uint32_t> added_;  // UIDs whose record was lost, and its state with it
};

std::uint32_t FilePass::mailbox_uid(const fs::path& path) {
  const std::string name = path.filename().string();
  return static_cast<std::uint32_t>(std::strtoul(name.c_str(), nullptr, 10));
}

}  // namespace

Status pass_files(Context& context) {
  FilePass pass(context);
  return pass.run();
}

}  // namespace cyr::check

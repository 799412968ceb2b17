// See selected.h.
#include "server-min/imapd/selected.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/mailbox/index_layout.h"

namespace cyr::imapd {

namespace {

namespace flag = mailbox::flag;

struct SystemFlagRow {
  std::uint32_t bit;
  std::string_view name;
  char right;  // that changes it
};
// In the order of the FLAGS response of a mailbox.
constexpr std::array<SystemFlagRow, 5> kSystemFlags{{
    {flag::answered, "\\Answered", 'w'},
    {flag::flagged, "\\Flagged", 'w'},
    {flag::draft, "\\Draft", 'w'},
    {flag::deleted, "\\Deleted", 't'},
    {flag::seen, "\\Seen", 's'},
}};

constexpr std::string_view kWriteRights = "switen";  // any of them makes a selection READ-WRITE

void add_word(std::string& list, std::string_view word) {
  list += list.empty() ? "" : " ";
  list += word;
}

}  // namespace

void Selected::set_rights(acl::Rights rights, bool examined) {
  rights_ = rights;
  examined_ = examined;
  read_only_ = examined || std::none_of(kWriteRights.begin(), kWriteRights.end(),
                                        [&](char letter) { return rights.has(letter); });
}

Result<std::unique_ptr<Selected>> Selected::open(store::Store& store, store::UserLocks& locks,
                                                 const Caller& caller, const meta::MailboxEntry& entry,
                                                 bool examine, std::int64_t now) {
  CYR_TRY(auto view, store::MailboxView::open(store, entry));
  std::unique_ptr<Selected> selected(new Selected(store, caller.id(), locks, std::move(view)));
  selected->set_rights(caller.rights(entry), examine);
  const store::MailboxView& opened = *selected->view_;
  selected->seen_in_index_ = store::seen_is_in_index(opened.index(), opened.files().user, caller.id());
  selected->recent_above_ = opened.index().recentuid;
  if (!selected->seen_in_index_) {
    CYR_TRY(store::SeenState seen,
            store::read_seen(store, store::seen_user(opened.index(), caller.id()), opened.header().uniqueid));
    selected->recent_above_ = seen.record.lastuid;
    selected->seen_uids_ = std::move(seen.uids);
  }
  selected->has_modseq_ = mailbox::has_modseq(opened.index().minor_version);
  selected->add_new_rows();
  selected->told_exists_ = selected->exists();
  selected->told_flags_ = selected->flag_list();
  for (MessageRow& row : selected->rows_) {
    selected->told(row);
  }
  CYR_CHECK(selected->claim_recent(now));
  return selected;
}

// \Recent is for one session: the first that may change the mailbox says so on disk.
Status Selected::claim_recent(std::int64_t now) {
  if (read_only_ || (known_uid_ <= recent_above_ && !view_->header_outran_index())) {
    return success();
  }
  {
    CYR_TRY(const auto claim, edit(now));
    claim->claim_recent(known_uid_);
    CYR_CHECK(claim->commit());
  }
  recent_above_ = known_uid_;
  return refresh();
}

// What another session was told of is not \Recent here.
Status Selected::learn_recent() {
  if (seen_in_index_) {
    recent_above_ = std::max(recent_above_, view_->index().recentuid);
  } else if (view_->records().lower_bound(known_uid_ + 1) <= view_->records().size()) {
    const std::string& uniqueid = view_->header().uniqueid;
    CYR_TRY(const store::SeenState seen,
            store::read_seen(store_, store::seen_user(view_->index(), user_), uniqueid));
    recent_above_ = std::max(recent_above_, seen.record.lastuid);
  }
  return success();
}

Result<std::unique_ptr<store::MailboxEdit>> Selected::edit(std::int64_t now) {
  CYR_TRY(auto edit, store::MailboxEdit::open(store_, entry(), locks_, now));
  edit->act_for(user_);
  return edit;
}

Status Selected::close(std::unique_ptr<Selected> selected, std::int64_t now) {
  return store::MailboxView::close(std::move(selected->view_), selected->locks_, now);
}

std::uint32_t Selected::recent() const {
  return static_cast<std::uint32_t>(
      std::count_if(rows_.begin(), rows_.end(), [](const MessageRow& row) { return row.recent; }));
}

std::optional<std::uint32_t> Selected::find_uid(std::uint32_t uid) const {
  const auto at =
      std::lower_bound(rows_.begin(), rows_.end(), uid,
                       [](const MessageRow& row, std::uint32_t wanted) { return row.uid < wanted; });
  if (at == rows_.end() || at->uid != uid) {
    return {};
  }
  return static_cast<std::uint32_t>(at - rows_.begin()) + 1;
}

std::vector<std::uint32_t> Selected::numbers(const text::SequenceSet& set, bool uids) const {
  std::vector<std::uint32_t> out;
  for (const auto& range : set.ranges()) {
    std::uint32_t first = range.first;
    if (uids) {
      const auto at =
          std::lower_bound(rows_.begin(), rows_.end(), range.first,
                           [](const MessageRow& row, std::uint32_t wanted) { return row.uid < wanted; });
      first = static_cast<std::uint32_t>(at - rows_.begin()) + 1;
    }
    for (; first <= exists() && (uids ? rows_[first - 1].uid : first) <= range.last; ++first) {
      out.push_back(first);
    }
  }
  return out;
}

std::optional<std::uint32_t> Selected::first_unseen() const {
  for (std::uint32_t msgno = 1; msgno <= exists(); ++msgno) {
    if (!seen(rows_[msgno - 1])) {
      return msgno;
    }
  }
  return {};
}

bool Selected::is_live(const MessageRow& row) const {
  return row.recno != 0 && (view_->records().system_flags(row.recno) & flag::expunged) == 0;
}

bool Selected::seen(const MessageRow& row) const {
  if (!seen_in_index_) {
    return seen_uids_.contains(row.uid);
  }
  return row.recno != 0 && (view_->records().system_flags(row.recno) & flag::seen) != 0;
}

void Selected::set_seen(MessageRow& row, bool seen_now) {
  if (!seen_in_index_ && seen(row) != seen_now) {
    seen_now ? seen_uids_.add(row.uid) : seen_uids_.remove(row.uid);
    row.seen_changed = true;
    dirty_ = true;
  }
}

std::string Selected::flag_list() const {
  std::string list;
  for (const SystemFlagRow& row : kSystemFlags) {
    add_word(list, row.name);
  }
  for (const std::string& name : view_->header().flags) {
    if (!name.empty()) {
      add_word(list, name);
    }
  }
  return "(" + list + ")";
}

std::string Selected::permanent_flag_list() const {
  std::string list;
  if (!examined_) {
    for (const SystemFlagRow& row : kSystemFlags) {
      if (rights_.has(row.right)) {
        add_word(list, row.name);
      }
    }
    if (rights_.has('w')) {
      for (const std::string& name : view_->header().flags) {
        if (!name.empty()) {
          add_word(list, name);
        }
      }
      add_word(list, "\\*");
    }
  }
  return "(" + list + ")";
}

std::string Selected::flags_of(const MessageRow& row) const {
  std::string list;
  if (row.recent) {
    add_word(list, "\\Recent");
  }
  if (row.recno == 0) {
    return list;
  }
  const std::uint32_t bits = view_->records().system_flags(row.recno);
  for (const SystemFlagRow& system : kSystemFlags) {
    if (system.bit == flag::seen ? seen(row) : (bits & system.bit) != 0) {
      add_word(list, system.name);
    }
  }
  if (!view_->header().flags.empty()) {
    for (std::size_t bit = 0; bit < view_->header().flags.size(); ++bit) {
      if (view_->records().user_flag(row.recno, bit) && !view_->header().flags[bit].empty()) {
        add_word(list, view_->header().flags[bit]);
      }
    }
  }
  return list;
}

bool Selected::has_keyword(const MessageRow& row, std::string_view name) const {
  const auto bit = mailbox::find_flag(view_->header(), name);
  return bit && row.recno != 0 && view_->records().user_flag(row.recno, *bit);
}

// Changes with the flags of a record: its modseq or, in an index too old to have one, a digest of them.
std::uint64_t Selected::state_of(std::uint32_t recno) const {
  const mailbox::RecordBlock& records = view_->records();
  if (has_modseq_) {
    return records.modseq(recno);
  }
  std::uint64_t state = records.system_flags(recno);
  for (const std::uint32_t word : records.user_flags(recno)) {
    state = (state ^ word) * 0x100000001b3;  // FNV-1a
  }
  return state;
}

void Selected::told(MessageRow& row) {
  row.told_state = row.recno == 0 ? row.told_state : state_of(row.recno);
  row.seen_changed = false;
}

bool Selected::must_tell_flags(const MessageRow& row) const {
  return row.seen_changed || (is_live(row) && state_of(row.recno) != row.told_state);
}

void Selected::add_new_rows() {
  const mailbox::RecordBlock& records = view_->records();
  for (std::uint32_t recno = records.lower_bound(known_uid_ + 1); recno <= records.size(); ++recno) {
    known_uid_ = records.uid(recno);
    if ((records.system_flags(recno) & flag::expunged) == 0) {
      rows_.push_back({.uid = known_uid_, .recno = recno, .recent = known_uid_ > recent_above_});
    }
  }
}

// After the index was replaced: where each message stands now.
void Selected::relocate() {
  for (MessageRow& row : rows_) {
    row.recno = view_->records().find(row.uid).value_or(0);
  }
}

Status Selected::commit(store::MailboxEdit& edit, const std::vector<std::uint32_t>& msgnos) {
  // A commit that cleans up changes other records, too.
  constexpr std::uint32_t kCleanUp = mailbox::option::needs_unlink | mailbox::option::needs_repack;
  own_change_ = {};
  const bool alone = (edit.index().options & kCleanUp) == 0;
  Buffer before = edit.index().raw;
  CYR_CHECK(edit.commit());
  if (!alone || (edit.index().options & kCleanUp) != 0) {
    return success();
  }
  CYR_TRY(own_change_.after, mailbox::encode_index_header(edit.index()));
  own_change_.before = std::move(before);
  for (const std::uint32_t msgno : msgnos) {
    own_change_.recnos.push_back(rows_[msgno - 1].recno);
  }
  return success();
}

Status Selected::refresh() {
  store::OwnChange own = std::exchange(own_change_, {});
  CYR_TRY(const bool stale, view_->is_stale());
  if (!stale) {
    return success();
  }
  CYR_TRY(const store::ViewChange change, view_->refresh(std::move(own)));
  if (change.any) {
    if (change.replaced) {
      relocate();
    }
    dirty_ = true;
    has_modseq_ = mailbox::has_modseq(view_->index().minor_version);
  }
  return success();
}

void Selected::report_expunges(Output& out, const ReportStyle& style) {
  text::SequenceSet vanished;
  std::uint32_t removed = 0;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (is_live(rows_[i])) {
      rows_[kept++] = rows_[i];
      continue;
    }
    if (style.vanished) {
      vanished.add(rows_[i].uid);
    } else {
      out.untagged("{} EXPUNGE", i + 1 - removed);
    }
    ++removed;
  }
  rows_.resize(kept);
  if (!vanished.empty()) {
    out.untagged("VANISHED {}", vanished.print());
  }
  told_exists_ -= std::min(told_exists_, removed);
}

void Selected::report_flags(Output& out, const ReportStyle& style) {
  if (std::string flags = flag_list(); flags != told_flags_) {
    told_flags_ = std::move(flags);
    out.untagged("FLAGS {}", told_flags_);
    out.untagged("OK [PERMANENTFLAGS {}] Ok", permanent_flag_list());
  }
  for (std::uint32_t msgno = 1; msgno <= exists(); ++msgno) {
    MessageRow& row = rows_[msgno - 1];
    if (!must_tell_flags(row)) {
      continue;
    }
    told(row);
    std::string& text = out.buffer();
    fmt::format_to(std::back_inserter(text), "* {} FETCH (FLAGS ({})", msgno, flags_of(row));
    if (style.uids || style.vanished) {
      fmt::format_to(std::back_inserter(text), " UID {}", row.uid);
    }
    if (style.modseq && row.recno != 0) {
      fmt::format_to(std::back_inserter(text), " MODSEQ ({})", view_->records().modseq(row.recno));
    }
    text += ")\r\n";
    out.relieve();
  }
}

Status Selected::report(Output& out, const ReportStyle& style) {
  if (Status refreshed = refresh(); !refreshed) {
    if (refreshed.error().code == Errc::not_found) {
      rows_.resize(std::min<std::size_t>(rows_.size(), told_exists_));
      for (MessageRow& row : rows_) {
        row.recno = 0;
      }
      report_expunges(out, style);
    }
    return refreshed;
  }
  if (!dirty_) {
    return success();
  }
  if (style.expunges) {
    report_expunges(out, style);
  }
  dirty_ = false;
  if (const Status learnt = learn_recent(); !learnt) {
    log(LogLevel::error, "{}: {}", name(), learnt.error().text());
  }
  const std::size_t before = rows_.size();
  add_new_rows();
  for (std::size_t i = before; i < rows_.size(); ++i) {
    told(rows_[i]);
  }
  if (exists() != told_exists_) {
    told_exists_ = exists();
    out.untagged("{} EXISTS", exists());
    out.untagged("{} RECENT", recent());
    if (const Status claimed = claim_recent(std::time(nullptr)); !claimed) {
      log(LogLevel::error, "{}: {}", name(), claimed.error().text());
    }
  }
  report_flags(out, style);
  // What may not be told yet is looked at again next time.
  dirty_ |= !style.expunges &&
            std::any_of(rows_.begin(), rows_.end(), [&](const MessageRow& row) { return !is_live(row); });
  return success();
}

}  // namespace cyr::imapd

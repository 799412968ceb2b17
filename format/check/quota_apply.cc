// The changes of a quota check: headers that name the wrong root, and records that are counted again, rebuilt
// or removed.
//
// A record that differs is counted as real Cyrus does it (store.md 5.5): mailbox by mailbox, each under its
// lock, the sum so far in the record as SCAN data. A server that changes a mailbox meanwhile adds its
// difference to `used` and, if the mailbox sorts up to the last one counted, to the sums; so both are right
// at the end. Where one lock keeps servers from changing any mailbox of a root, it is counted under that lock
// and its record written once: a user's root of a store of 3.6 or later.
#include <fmt/format.h>

#include <algorithm>

#include "format/base/crc32.h"
#include "format/base/text.h"
#include "format/check/quota_check.h"
#include "format/check/quota_files.h"
#include "format/mailbox/header.h"
#include "format/mailbox/index.h"
#include "format/mailbox/index_file.h"
#include "format/mailbox/index_layout.h"
#include "format/store/counters.h"

namespace cyr::check {
namespace {

std::string or_none(std::string_view root) { return root.empty() ? "(none)" : std::string(root); }

// cyrus.header with another quota root, in the form the file has; the CRC of the new file.
Result<std::uint32_t> rewrite_header(Io& io, const fs::path& path, mailbox::MailboxHeader header,
                                     std::string_view root) {
  header.quotaroot = root.empty() ? std::nullopt : std::optional<std::string>(root);
  CYR_TRY(const auto bytes, mailbox::encode_header(header, header.form));
  CYR_CHECK(replace_file(io, path, bytes));
  return crc32(Bytes(bytes));
}

Status update_header_crc(store::MailboxLock& lock, store::SavedCopies& saved, store::SavedCopies::Why why,
                         std::uint32_t crc) {
  CYR_TRY(auto index, mailbox::read_index_header(lock.index()));
  if (!mailbox::has_record_crc(index.minor_version)) {
    return success();
  }
  CYR_CHECK(saved.before_change(lock.index().path(), why));
  index.header_file_crc = crc;
  return mailbox::write_index_header(lock.index(), index);
}

}  // namespace

Status QuotaChecker::correct_headers() {
  if (quotas_ == nullptr && !wrong_headers_.empty()) {
    return make_error(Errc::not_found, fmt::format("no quota database, but {} mailboxes name a quota root",
                                                   wrong_headers_.size()))
        .at(store_.paths().quotas_db())
        .with_hint(
            "restore it from a backup (db.backup1), or check quota_db in imapd.conf; nothing was changed");
  }
  for (const std::size_t i : wrong_headers_) {
    CYR_CHECK(check_stop());
    const Mailbox& mailbox = mailboxes_[i];
    if (auto corrected = correct_header(mailbox); !corrected) {
      report(Problem::quota_header_unreadable, mailbox.entry.name, {}, {}, corrected.error().text());
    }
  }
  return success();
}

Status QuotaChecker::correct_header(const Mailbox& mailbox) {
  CYR_TRY(const auto files, store_.files(mailbox.entry));
  const auto purpose = dry_run() ? store::LockFor::examine : store::LockFor::replace;
  CYR_TRY(auto lock, store::MailboxLock::take(store_.io(), files, purpose, locks_));
  // A server may have changed it since it was read.
  CYR_TRY(const auto bytes, store_.io().read_file(files.header));
  CYR_TRY(auto header, mailbox::decode_header(bytes.bytes()));
  const std::string old_root = header.quotaroot.value_or("");
  if (old_root == mailbox.root) {
    return success();
  }
  if (!dry_run()) {
    const store::SavedCopies::Why why{mailbox.entry.name, row_of(Problem::quota_header_root).slug};
    CYR_CHECK(saved_.before_replace(files.header, why));
    CYR_TRY(const auto crc, rewrite_header(store_.io(), files.header, std::move(header), mailbox.root));
    CYR_CHECK(update_header_crc(lock, saved_, why, crc));
    CYR_CHECK(saved_.settle(mailbox.entry.name));
  }
  report(Problem::quota_header_root, mailbox.entry.name, or_none(old_root), or_none(mailbox.root));
  ++summary_.changed;
  // Until now servers booked its changes on the old root: both may have moved since the first pass.
  for (const auto& root : {old_root, mailbox.root}) {
    if (const auto found = roots_.find(root); found != roots_.end()) {
      found->second.touched = true;
    }
  }
  return success();
}

Status QuotaChecker::settle_root(RootTally& root) {
  switch (decide(root, options_)) {
    case RootAction::keep:
      return success();
    case RootAction::keep_unused:
      report(Problem::quota_unused_limit, root.name);
      return success();
    case RootAction::leave:
      if (root.problem) {
        report(Problem::quota_root_failed, root.name, {}, {}, root.problem->text());
      } else {
        report(Problem::quota_incomplete, root.name);
      }
      return success();
    case RootAction::remove:
      return remove(root);
    case RootAction::rebuild:
      return rebuild(root);
    case RootAction::recount:
      return recount(root);
  }
  return success();
}

void QuotaChecker::report_usage(const meta::QuotaRoot& record, const meta::Usage& now) {
  for (std::size_t i = 0; i < meta::resource_count; ++i) {
    if (record.used[i] != now[i]) {
      report(Problem::quota_usage, record.name, std::to_string(record.used[i]), std::to_string(now[i]),
             std::string(meta::resources[i].name));
    }
  }
}

// Keeps what the record was: its file, or the whole database before the first change in it.
Status QuotaChecker::keep_record(const std::string& root, bool removing, std::string_view reason) {
  const store::SavedCopies::Why why{root, reason};
  if (quotas_->database().kind() != db::Kind::quotalegacy) {
    return saved_.before_change(store_.paths().quotas_db(), why);
  }
  CYR_TRY(const fs::path file, store_.paths().quota_file(root));
  return removing ? saved_.before_remove(file, why) : saved_.before_replace(file, why);
}

// In a database the record alone is what can be taken back.
Status QuotaChecker::note_record(store::SavedItem item, const std::string& root) {
  if (quotas_->database().kind() == db::Kind::quotalegacy) {
    return success();
  }
  item.mailbox = root;
  item.key = root;
  item.reason = "quota";
  return saved_.before_record(store_.paths().quotas_db(), std::move(item));
}

Result<bool> QuotaChecker::note_usage(const std::string& root, const meta::Usage& before,
                                      const meta::Usage& now) {
  store::SavedItem item;
  item.action = store::SavedAction::usage;
  for (std::size_t i = 0; i < now.size(); ++i) {
    item.usage.push_back(now[i] - before[i]);
  }
  CYR_CHECK(note_record(std::move(item), root));
  return true;
}

// One root while it is counted.
struct QuotaChecker::Count {
  std::string root;
  std::vector<Mailbox> pending;  // still to be counted, last first
  std::string last;              // counted last
  meta::Usage used{};            // so far, as far as no server tells of changes meanwhile
  bool started = false;          // the record has scan data of this run
  File hold;                     // open: no server changes anything below the root, so none is needed
};

Status QuotaChecker::recount(RootTally& root) {
  const bool stale = root.record->scan.has_value();
  if (dry_run()) {
    report_usage(*root.record, root.used);
    summary_.changed += root.record->used != root.used || stale ? 1 : 0;
  } else {
    CYR_CHECK(keep_record(root.name, false, row_of(Problem::quota_usage).slug));
  }
  if (stale) {
    report(Problem::quota_scan, root.name);
  }
  if (dry_run()) {
    return success();
  }
  Count count;
  count.root = root.name;
  for (auto at = root.mailboxes.rbegin(); at != root.mailboxes.rend(); ++at) {
    count.pending.push_back(mailboxes_[*at]);
  }
  CYR_CHECK(hold(count));
  CYR_CHECK(refresh(count));
  while (!count.pending.empty()) {
    CYR_CHECK(check_stop());
    const Mailbox mailbox = std::move(count.pending.back());
    count.pending.pop_back();
    CYR_CHECK(count_mailbox(mailbox, count));
    if (!count.hold.is_open()) {
      CYR_CHECK(refresh(count));
    }
  }
  return finish_count(count);
}

// Not for more mailboxes than are read in the time that a user may have to wait.
Status QuotaChecker::hold(Count& count) {
  constexpr std::size_t most = 2000;
  const auto name = names::MailboxName::from_internal(count.root, store_.name_space());
  const bool watched = options_.before_mailbox || options_.after_mailbox;  // they change things meanwhile
  if (!keyed_list_ || watched || !name || !name->is_user() || count.pending.empty() ||
      count.pending.size() > most) {
    return success();
  }
  CYR_TRY(const auto files, store_.files(count.pending.back().entry));
  CYR_TRY(count.hold, store::hold_user(store_.io(), files));
  return success();
}

// A server may create or remove mailboxes while a root is counted: when mailboxes.db has changed, what is
// still to be counted is listed again. Names up to the one counted last are the servers' business by now.
Status QuotaChecker::refresh(Count& count) {
  CYR_TRY(const auto now, store_.io().stat(store_.paths().mailboxes_db()));
  if (now.same_file(list_seen_) && now.size == list_seen_.size && now.mtime == list_seen_.mtime &&
      now.mtime_nsec == list_seen_.mtime_nsec) {
    return success();
  }
  list_seen_ = now;
  count.pending.clear();
  CYR_TRY(meta::MailboxList * list, store_.mailbox_list());
  CYR_CHECK(list->for_each_under(count.root, [&](const meta::ListItem& item) -> Result<db::Visit> {
    if (item.entry && item.entry->type.local() && item.name > count.last &&
        finder_.find(item.name) == count.root) {
      count.pending.push_back({*item.entry, count.root});
    }
    return db::Visit::go_on;
  }));
  std::sort(count.pending.begin(), count.pending.end(),
            [](const Mailbox& a, const Mailbox& b) { return a.entry.name > b.entry.name; });
  return success();
}

Status QuotaChecker::count_mailbox(const Mailbox& mailbox, Count& count) {
  if (options_.before_mailbox) {
    options_.before_mailbox(mailbox.entry.name);
  }
  {
    CYR_TRY(const auto files, store_.files(mailbox.entry));
    CYR_TRY(const auto lock, store::MailboxLock::take(store_.io(), files, store::LockFor::examine, locks_));
    auto usage = read_mailbox_usage(store_.io(), files, locks_, ReadHow::locked);
    if (!usage) {
      // Without a directory: known from the first pass, or removed since. Either way at most a folder.
      CYR_TRY(const bool there, store_.io().exists(files.index.parent_path()));
      if (usage.error().code != Errc::not_found || there) {
        return std::move(usage).error();
      }
    }
    CYR_CHECK(add_to_scan(mailbox, counted(usage ? usage->used : meta::Usage{0, 0, 0, 1}), count));
  }
  if (options_.after_mailbox) {
    options_.after_mailbox(mailbox.entry.name);
  }
  return success();
}

Status QuotaChecker::add_to_scan(const Mailbox& mailbox, const meta::Usage& used, Count& count) {
  count.used = meta::add(count.used, used);
  count.last = mailbox.entry.name;
  // 2.x has no scan data; it is counted without a server beside it.
  if (form_ == meta::QuotaForm::text || count.hold.is_open()) {
    return success();
  }
  return quotas_->change(count.root, [&](std::optional<meta::QuotaRoot>& record) -> Result<bool> {
    if (!record) {
      return make_error(Errc::not_found, "the record was removed while it was counted");
    }
    if (!count.started || !record->scan) {
      record->scan.emplace();
    }
    count.started = true;
    record->form = std::max(record->form, form_);
    record->scan->used = meta::add(record->scan->used, used);
    record->scan->mailbox = mailbox.entry.name;
    return true;
  });
}

Status QuotaChecker::finish_count(const Count& count) {
  std::optional<meta::QuotaRoot> before;
  meta::Usage now = count.used;
  CYR_CHECK(quotas_->change(count.root, [&](std::optional<meta::QuotaRoot>& record) -> Result<bool> {
    if (!record || (count.started && !record->scan)) {
      return make_error(Errc::corrupt, "somebody else changed the record while it was counted");
    }
    before = record;
    now = record->scan && count.started ? record->scan->used : count.used;
    record->used = now;
    record->scan.reset();
    record->form = std::max(record->form, form_);
    if (record->form == meta::QuotaForm::dlist_modseq) {
      CYR_TRY(record->modseq, store::next_quota_modseq(store_, count.root, record->modseq, &saved_));
    }
    return note_usage(count.root, before->used, now);
  }));
  report_usage(*before, now);
  ++summary_.changed;
  return success();
}

Status QuotaChecker::remove(const RootTally& root) {
  if (!dry_run()) {
    CYR_CHECK(keep_record(root.name, true, row_of(Problem::quota_unused).slug));
    store::SavedItem item;
    item.action = store::SavedAction::record;
    item.old_value = root.value;
    CYR_CHECK(note_record(std::move(item), root.name));
    CYR_CHECK(erase_quota_root(store_, root.name));
  }
  ++summary_.changed;
  report(Problem::quota_unused, root.name);
  return success();
}

Status QuotaChecker::rebuild(RootTally& root) {
  auto salvaged = meta::salvage_quota(root.name, root.value);
  salvaged.root.form = form_;
  std::vector<std::string> lost;
  for (const auto resource : salvaged.lost) {
    lost.emplace_back(meta::resources[static_cast<std::size_t>(resource)].name);
  }
  if (root.complete) {
    salvaged.root.used = root.used;
  }
  if (!dry_run()) {
    CYR_CHECK(keep_record(root.name, false, row_of(Problem::quota_record).slug));
    store::SavedItem item;
    item.action = store::SavedAction::record;
    item.old_value = root.value;
    item.new_value = meta::encode_quota(salvaged.root);
    CYR_CHECK(note_record(std::move(item), root.name));
    CYR_CHECK(overwrite_quota_root(store_, salvaged.root));
  }
  ++summary_.changed;
  const std::string limits = lost.empty() ? std::string("all limits saved")
                                          : fmt::format("limits lost, set them again: {}", join(lost, " "));
  summary_.problems += lost.empty() ? 0 : 1;
  report(Problem::quota_record, root.name, limits, {}, root.problem ? root.problem->text() : "");
  if (!root.complete) {
    report(Problem::quota_incomplete, root.name);
  }
  return success();
}

}  // namespace cyr::check

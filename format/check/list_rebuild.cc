#include "format/check/list_rebuild.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "format/check/list_layout.h"
#include "format/check/list_target.h"
#include "format/check/list_update.h"
#include "format/store/unique_id.h"

namespace cyr::check {

namespace {

Finding finding_of(Problem problem, const store::Store& store, std::string mailbox = {}) {
  Finding finding;
  finding.problem = problem;
  finding.mailbox = std::move(mailbox);
  finding.outcome = store.io().read_only() ? Outcome::found : Outcome::fixed;
  return finding;
}

class Merger {
 public:
  Merger(store::Store& store, Reporter& reporter, std::map<std::string, meta::MailboxEntry> entries,
         bool keyed)
      : store_(store), reporter_(reporter), entries_(std::move(entries)), keyed_(keyed) {
    for (const auto& [name, entry] : entries_) {
      if (entry.type.local() && !entry.uniqueid.empty()) {
        ids_.emplace(entry.uniqueid, name);
      }
    }
  }

  void add(const FoundMailbox& found) {
    const meta::MailboxEntry& entry = found.entry;
    if (entry.name.empty() || (keyed_ && entry.uniqueid.empty())) {
      unresolved(found, entry.name.empty() ? "its name is lost" : "its unique id is lost");
      return;
    }
    const auto known = entries_.find(entry.name);
    if (known != entries_.end() && known->second.type.local()) {
      if (known->second.uniqueid != entry.uniqueid && found.by_id) {
        unresolved(found, "another mailbox has the name " + entry.name);
      }
      return;
    }
    if (const auto other = ids_.find(entry.uniqueid); other != ids_.end() && !entry.uniqueid.empty()) {
      if (other->second != entry.name) {
        unresolved(found, "its unique id belongs to " + other->second);
      }
      return;
    }
    Finding finding = finding_of(Problem::list_entry_missing, store_, entry.name);
    finding.expected = entry.uniqueid;
    finding.path = found.directory;
    reporter_.report(finding);
    ids_.emplace(entry.uniqueid, entry.name);
    entries_.insert_or_assign(entry.name, entry);
    added.push_back(entry);
  }

  std::vector<meta::MailboxEntry> added;
  std::uint64_t unresolved_count = 0;
  [[nodiscard]] const std::map<std::string, meta::MailboxEntry>& entries() const { return entries_; }

 private:
  void unresolved(const FoundMailbox& found, std::string why) {
    Finding finding = finding_of(Problem::directory_unlisted, store_, found.entry.name);
    finding.path = found.directory;
    finding.detail = std::move(why);
    finding.outcome = Outcome::remains;
    reporter_.report(finding);
    ++unresolved_count;
  }

  store::Store& store_;
  Reporter& reporter_;
  std::map<std::string, meta::MailboxEntry> entries_;
  std::map<std::string, std::string> ids_;  // unique id to name
  bool keyed_;
};

// What CREATE would have given the mailbox.
FoundMailbox with_new_metadata(const store::Store& store, FoundMailbox found) {
  found.entry.acl = new_mailbox_acl(store, found.entry.name, meta::ListFormat::keyed_36);
  if (!found.by_id) {
    found.entry.uniqueid = store::make_uniqueid();
  }
  return found;
}

RebuildSummary summary_of(const Merger& merger, std::uint64_t kept) {
  RebuildSummary out{.kept = kept,
                     .added = merger.added.size(),
                     .unresolved = merger.unresolved_count,
                     .entries = {},
                     .missing = {}};
  for (const auto& [name, entry] : merger.entries()) {
    if (entry.type.local()) {
      out.entries.push_back(entry);
    }
  }
  return out;
}

}  // namespace

std::optional<Error> mailbox_list_problem(store::Store& store) {
  const auto list = store.mailbox_list();
  if (!list) {
    return list.error();
  }
  const auto walked =
      (*list)->for_each("", [](const meta::ListItem&) -> Result<db::Visit> { return db::Visit::go_on; });
  if (!walked) {
    return walked.error();
  }
  if (auto sound = (*list)->database().consistent(); !sound) {
    return sound.error();
  }
  return {};
}

namespace {

RebuildSummary summary_of(const ListPlan& plan) {
  RebuildSummary out{
      .kept = 0, .added = 0, .unresolved = plan.lost_found.size(), .entries = {}, .missing = {}};
  for (const auto& planned : plan.entries) {
    (planned.verdict == Verdict::kept ? out.kept : out.added) += 1;
    if (planned.directory_missing) {
      out.missing.insert(planned.entry.name);
    } else if (planned.entry.type.local()) {
      out.entries.push_back(planned.entry);
    }
  }
  return out;
}

void report_plan(store::Store& store, const ListPlan& plan, Reporter& reporter) {
  for (const auto& planned : plan.entries) {
    if (planned.verdict != Verdict::kept) {
      Finding finding = finding_of(Problem::list_entry_missing, store, planned.entry.name);
      finding.expected = planned.entry.uniqueid;
      finding.path = planned.directory;
      reporter.report(finding);
    }
  }
  for (const auto& lost : plan.lost_found) {
    Finding finding = finding_of(
        lost.is_directory ? Problem::directory_unlisted : Problem::list_name_unexplained, store, lost.name);
    finding.path = lost.path;
    finding.detail = lost.reason;
    finding.outcome = Outcome::remains;
    reporter.report(finding);
  }
}

// For a conversion to an earlier release, which has several steps.
Status mark_conversion(store::Store& store, const ListPlan& plan, const std::vector<DirectoryMove>& moves,
                       store::SavedCopies& saved) {
  if (!goes_down(plan) && moves.empty()) {
    return success();
  }
  ConversionMark mark;
  mark.from = format_before(plan).value_or(meta::ListFormat::keyed_36);
  mark.moves = moves;
  for (const auto& planned : plan.entries) {
    if (planned.entry.type.local() && !planned.entry.uniqueid.empty()) {
      mark.ids.emplace(planned.entry.name, planned.entry.uniqueid);
    }
  }
  return write_conversion_mark(store, mark, saved);
}

}  // namespace

Result<RebuildSummary> carry_out_plan(store::Store& store, const ListPlan& plan, store::SavedCopies& saved,
                                      Reporter& reporter, std::int64_t now) {
  const ListSource& old = plan.sources.front();
  if (!old.sound) {
    Finding finding = finding_of(old.lost() ? Problem::list_lost : Problem::list_damaged, store);
    finding.path = old.path;
    finding.detail = old.damage.empty() ? "records cannot be read" : old.damage;
    reporter.report(finding);
  }
  report_plan(store, plan, reporter);
  if ((plan.writes() || plan.resumed) && !store.io().read_only()) {
    CYR_TRY(const auto moves, plan_layout(store, plan));
    if (!list_is_new(plan)) {
      CYR_CHECK(mark_conversion(store, plan, moves, saved));
      CYR_CHECK(lay_out_by_name(store, plan, moves, saved));
    }
    if (plan.writes()) {
      CYR_CHECK(apply_list_plan(store, plan, saved,
                                row_of(old.lost() ? Problem::list_lost : Problem::list_damaged).slug, now));
    }
    CYR_CHECK(put_directories_aside(store.io(), moves, saved));
  }
  return summary_of(plan);
}

Status refuse_plan(const ListPlan& plan) {
  for (const auto& root : plan.absent) {
    if (plan.refused) {
      const std::string what = root.there ? "empty" : "no such directory";
      return make_error(
                 Errc::invalid,
                 root.entries == 0
                     ? fmt::format("partition {}: {}, and mailboxes are missing that may lie there",
                                   root.partition, what)
                     : fmt::format("partition {}: {}, and the unique ids of {} mailboxes, which the new list "
                                   "needs, lie there",
                                   root.partition, what, root.entries))
          .at(root.root)
          .with_hint("mount its file system; reconstruct -m --force goes on without it");
    }
  }
  return success();
}

Result<RebuildSummary> rebuild_mailbox_list(store::Store& store, store::SavedCopies& saved,
                                            Reporter& reporter, std::int64_t now,
                                            const std::atomic<bool>* stop) {
  CYR_TRY(const auto plan, plan_mailbox_list(store, {.release = {}, .stop = stop}));
  CYR_CHECK(refuse_plan(plan));
  return carry_out_plan(store, plan, saved, reporter, now);
}

Result<RebuildSummary> import_mailboxes(store::Store& store, const std::vector<FoundMailbox>& found,
                                        const WantedMailbox& wanted, store::SavedCopies& saved,
                                        Reporter& reporter, std::int64_t now, DiskMetadata metadata) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  std::map<std::string, meta::MailboxEntry> entries;
  CYR_CHECK(list->for_each("", [&entries](const meta::ListItem& item) -> Result<db::Visit> {
    if (item.entry) {
      entries.emplace(item.name, *item.entry);
    }
    return db::Visit::go_on;
  }));
  const std::uint64_t kept = entries.size();
  Merger merger(store, reporter, std::move(entries), meta::is_keyed(list->format()));
  for (const auto& one : found) {
    if (wanted(one)) {
      merger.add(metadata == DiskMetadata::use ? one : with_new_metadata(store, one));
    }
  }
  if (!merger.added.empty() && !store.io().read_only()) {
    CYR_CHECK(update_list(store, saved, {}, merger.added, row_of(Problem::list_entry_missing).slug, now));
    CYR_CHECK(saved.settle(""));
  }
  return summary_of(merger, kept);
}

}  // namespace cyr::check

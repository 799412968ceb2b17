#include "recon/reconstruct_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/check/conversion_space.h"
#include "format/check/list_companions.h"
#include "format/check/list_rebuild.h"
#include "format/check/list_records.h"
#include "format/check/quota_check.h"
#include "format/check/quota_set.h"
#include "format/check/seen_orphans.h"
#include "format/check/server_backends.h"
#include "format/cli/common.h"
#include "format/cli/printer.h"
#include "format/store/select.h"
#include "recon/reconstruct_copy.h"
#include "recon/reconstruct_list.h"
#include "recon/reconstruct_report.h"
#include "recon/reconstruct_store.h"

namespace cyr::recon {

namespace {

fs::path absolute(const std::string& argument) {
  if (!argument.empty() && argument.front() == '/') {
    return argument;
  }
  std::array<char, 4096> here{};
  return ::getcwd(here.data(), here.size()) != nullptr ? fs::path(here.data()) / argument
                                                       : fs::path(argument);
}

class Run {
 public:
  Run(std::shared_ptr<const conf::Config> config, const ReconstructOptions& options)
      : config_(std::move(config)),
        options_(options),
        check_(options.check),
        io_(io_of(options)),
        style_{options.json, options.quiet, options.dry_run, options.check.remove_odd},
        now_(options.check.now != 0 ? options.check.now : static_cast<std::int64_t>(std::time(nullptr))),
        progress_("reconstruct", options.progress) {}

  Result<int> run() {
    CYR_TRY(store_, store::Store::open(io_, config_));
    saved_ = std::make_unique<store::SavedCopies>(io_, store_->saved_roots(),
                                                  store::new_saved_id(now_, ::getpid()), options_.keep,
                                                  options_.undo_directory);
    if (!options_.version.empty()) {
      CYR_TRY(check_.convert, check::parse_convert_target(options_.version, *store_));
    }
    if (options_.header_paths) {
      CYR_CHECK(import_paths());
      return finish();
    }
    CYR_CHECK(look_at_list());
    if (options_.rebuild_list && options_.dry_run) {
      return finish();  // the plan is what was asked for
    }
    CYR_CHECK(import_from_disk());
    CYR_CHECK(select());
    check_all();
    CYR_CHECK(recount_roots());
    if (options_.whole_store) {
      CYR_CHECK(rest_of_store());
    }
    if (options_.rebuild_list) {
      CYR_CHECK(bring_backends());
    }
    return finish();
  }

 private:
  // --store: what lies outside of mailboxes, each step on what the one before has mended.
  Status rest_of_store() {
    if (cli::stop_requested()) {
      return make_error(Errc::cancelled, "stopped by a signal");
    }
    // A list that would be another one tells a dry run nothing of the rest.
    if (options_.dry_run && list_problem_) {
      return success();
    }
    store_->close_databases();
    const auto add = [this](const StepTotals& step) {
      totals_.found += step.found;
      totals_.remaining += step.remaining;
    };
    CYR_TRY(const auto users, mend_store_users(*store_, options_, *saved_, locks_));
    add(users);
    CYR_TRY(const auto quotas, mend_store_quotas(*store_, options_, style_, *saved_, locks_));
    add(quotas);
    std::set<unsigned> broken;
    CYR_TRY(const auto invariants, check_store_invariants(*store_, options_, true, broken));
    add(invariants);
    return success();
  }

  // Records of the list that contradict one another although each can be read: 4 the record by id, 13 reverse
  // records.
  bool contradicting_records() {
    std::set<unsigned> broken;
    const auto checked = check_store_invariants(*store_, options_, false, broken);
    store_->close_databases();
    return checked && (broken.contains(4) || broken.contains(13));
  }

  // Prints what one step of the run outside of mailboxes found.
  void print(MailboxReport& report) {
    std::fwrite(report.out.data(), 1, report.out.size(), stdout);
    std::fwrite(report.err.data(), 1, report.err.size(), stderr);
    for (const auto& [problem, count] : report.counts) {
      counts_[problem] += count;
      totals_.found += count;
    }
  }

  Status look_at_list() {
    if (options_.rebuild_list || options_.whole_store) {
      return rebuild_list();
    }
    const auto problem = check::mailbox_list_problem(*store_);
    if (!problem) {
      return look_at_list_records();
    }
    if (problem->code != Errc::corrupt && problem->code != Errc::not_found) {
      return *problem;  // permissions or a failing disk: nothing that rebuilding would mend
    }
    MailboxReport report(style_);
    auto rebuilt = check::rebuild_mailbox_list(*store_, *saved_, report, now_, &cli::stop_requested());
    print(report);
    if (!rebuilt) {
      return rebuilt.error();
    }
    tell_rebuilt(std::move(*rebuilt), true);
    return success();
  }

  // -m.
  Status rebuild_list() {
    CYR_TRY(auto plan,
            check::plan_mailbox_list(
                *store_, {.release = options_.release, .stop = &cli::stop_requested(), .jobs = jobs()}));
    plan.rewrite = options_.whole_store && plan.sources.front().sound && contradicting_records();
    list_problem_ = plan.writes();
    if ((options_.dry_run || options_.json) && (options_.rebuild_list || plan.writes())) {
      print_list_plan(plan, options_.json);
    }
    for (const auto& root : plan.absent) {
      cli::print_warning("reconstruct", fmt::format("partition {}: {} is {}: is its file system mounted? "
                                                    "{} mailboxes of it stay in the list",
                                                    root.partition, root.root.native(),
                                                    root.there ? "empty" : "not there", root.entries));
    }
    if (!options_.force) {
      CYR_CHECK(check::refuse_plan(plan));
    }
    if (!options_.version.empty()) {
      CYR_CHECK(tell_space(plan));
    }
    if (plan.dropped_tombstones + plan.dropped_parents != 0) {
      cli::print_warning("reconstruct",
                         fmt::format("the list has no place for {} traces of deleted mailboxes and {} names "
                                     "that only have mailboxes below them",
                                     plan.dropped_tombstones, plan.dropped_parents));
    }
    MailboxReport report(style_);
    CYR_TRY(auto rebuilt, check::carry_out_plan(*store_, plan, *saved_, report, now_));
    if (!options_.dry_run || !(options_.rebuild_list || plan.writes())) {
      print(report);  // else the plan has said it
    }
    if (options_.rebuild_list || plan.writes()) {
      totals_.found += plan.writes() ? 1 : 0;
      tell_rebuilt(std::move(rebuilt), !plan.sources.front().sound);
    } else {
      without_directory_ = std::move(rebuilt.missing);
      totals_.remaining += without_directory_.size() + rebuilt.unresolved;
    }
    CYR_TRY(const auto companions, check::carry_companions(*store_, plan, *saved_));
    tell_companions(companions);
    if (options_.dry_run) {
      return bring_backends();
    }
    return check::goes_down(plan) || plan.resumed ? users_as_before(plan) : reattach_seen();
  }

  // The other databases of the server, for the release that the store is brought to; last, because the steps
  // before write to them.
  Status bring_backends() {
    if (!options_.release || cli::stop_requested()) {
      return success();
    }
    store_->close_databases();
    CYR_TRY(const auto backends, check::bring_server_backends(*store_, *options_.release, *saved_));
    for (const auto& done : backends.converted) {
      ++totals_.found;
      cli::print_warning(
          "reconstruct",
          fmt::format("{}: {} records {} from {} to {}", printable(done.path.native()), done.records,
                      options_.dry_run ? "would go" : "went", done.from, done.to));
    }
    for (const auto& line : backends.advice) {
      cli::print_warning("reconstruct", line);
    }
    for (const auto& line : backends.left) {
      cli::print_warning("reconstruct", line);
      ++totals_.remaining;
    }
    return success();
  }

  // What list and indexes of another release need besides the old ones, which are kept.
  Status tell_space(const check::ListPlan& plan) {
    CYR_TRY(const auto spaces, check::conversion_space(*store_, plan));
    for (const auto& space : spaces) {
      if (!options_.quiet && !options_.json) {
        fmt::print("the conversion in {}: up to {} for new versions beside the old ones; {} free\n",
                   printable(space.root.native()), size_text(space.needed), size_text(space.free));
      }
      if (space.needed > space.free && !options_.force) {
        return make_error(Errc::exists, fmt::format("the conversion may need {}, and there are {} free",
                                                    size_text(space.needed), size_text(space.free)))
            .at(space.root)
            .with_hint("nothing was changed; --force begins all the same");
      }
    }
    std::fflush(stdout);
    return success();
  }

  // Whose databases lie below which unique id. The list may have no ids any more.
  [[nodiscard]] std::map<std::string, names::UserId> inboxes_of(const check::ListPlan& plan) const {
    std::map<std::string, names::UserId> inboxes;
    const auto add = [&](const std::string& mailbox, const std::string& id) {
      const auto name = names::MailboxName::from_internal(mailbox, store_->name_space());
      if (name && name->is_inbox() && !id.empty()) {
        inboxes.emplace(id, name->user());
      }
    };
    for (const auto& planned : plan.entries) {
      if (planned.entry.type.local()) {
        add(planned.entry.name, planned.entry.uniqueid);
      }
    }
    for (const auto& [mailbox, id] :
         plan.resumed ? plan.resumed->ids : std::map<std::string, std::string>{}) {
      add(mailbox, id);
    }
    return inboxes;
  }

  // In earlier releases users' databases have other names, and subscriptions and quota roots another form.
  Status users_as_before(const check::ListPlan& plan) {
    auto inboxes = inboxes_of(plan);
    store_->close_databases();
    CYR_TRY(const auto users, mend_store_users(*store_, options_, *saved_, locks_, std::move(inboxes)));
    totals_.found += users.found;
    totals_.remaining += users.remaining;
    const auto form = check::QuotaChecker::form_of(plan.format);
    CYR_TRY(const auto quotas, check::write_quota_forms(*store_, form, *saved_));
    totals_.found += quotas.written;
    for (const auto& line : quotas.lost) {
      cli::print_warning("reconstruct", line);
    }
    // The mark tells the next run whose databases these are: the list has no unique ids any more.
    if (users.failed != 0) {
      totals_.failed += users.failed;
      cli::print_warning("reconstruct", fmt::format("{} databases of users could not be brought over; give "
                                                    "the same command again",
                                                    users.failed));
      return success();
    }
    return check::remove_conversion_mark(*store_, *saved_);
  }

  // The stock upgrade gives a mailbox whose header has no unique id another one; so does a rebuilt header.
  Status reattach_seen() {
    CYR_TRY(const auto orphans, check::find_seen_orphans(*store_, false));
    std::vector<check::SeenMove> moves;
    for (const auto& match : orphans.matched) {
      moves.push_back(match.move);
    }
    std::vector<std::string> left;
    CYR_TRY(const auto moved, check::move_seen_states(*store_, moves, *saved_, left));
    if (moved != 0) {
      cli::print_warning(
          "reconstruct",
          fmt::format("{} users' seen states of {} mailboxes were filed under other unique ids; "
                      "they are found again",
                      moved, moves.size()));
    }
    for (const auto& line : left) {
      cli::print_warning("reconstruct", line);
      ++totals_.remaining;
    }
    return success();
  }

  void tell_rebuilt(check::RebuildSummary rebuilt, bool damaged) {
    cli::print_warning("reconstruct",
                       fmt::format("mailboxes.db {}: {} names from its records, {} from the partitions, "
                                   "{} directories unresolved",
                                   options_.dry_run ? "would be rebuilt" : "was rebuilt", rebuilt.kept,
                                   rebuilt.added, rebuilt.unresolved));
    totals_.remaining += rebuilt.unresolved + rebuilt.missing.size() + (damaged ? 1 : 0);
    if (options_.dry_run) {
      list_entries_ = std::move(rebuilt.entries);
    }
    without_directory_ = std::move(rebuilt.missing);
  }

  void tell_companions(const check::CompanionSummary& companions) {
    if (companions.annotations + companions.annotations_back + companions.user_files != 0) {
      cli::print_warning(
          "reconstruct",
          fmt::format("{} annotations {} other keys, {} {} from annotations.db.OLD, "
                      "{} users' files {}",
                      companions.annotations, options_.dry_run ? "would get" : "got",
                      companions.annotations_back, options_.dry_run ? "would come back" : "came back",
                      companions.user_files, options_.dry_run ? "would be renamed" : "were renamed"));
    }
    if (companions.scripts != 0) {
      cli::print_warning("reconstruct",
                         fmt::format("the Sieve scripts of {} users {}", companions.scripts,
                                     options_.dry_run ? "would get another place" : "got another place"));
    }
    if (companions.seen_states != 0) {
      cli::print_warning("reconstruct", fmt::format("{} users' seen states {} for copies of mailboxes",
                                                    companions.seen_states,
                                                    options_.dry_run ? "would be copied" : "were copied"));
    }
    for (const auto& line : companions.left) {
      cli::print_warning("reconstruct", line);
      ++totals_.remaining;
    }
  }

  [[nodiscard]] unsigned jobs() const {
    return options_.jobs == 0 ? std::max(1U, std::thread::hardware_concurrency()) : options_.jobs;
  }

  // The list is sound as a database; single records of it need not be.
  Status look_at_list_records() {
    MailboxReport report(style_);
    auto repaired = check::repair_list_records(*store_, *saved_, report, now_, &cli::stop_requested());
    print(report);
    if (!repaired) {
      return repaired.error();
    }
    totals_.remaining += repaired->unresolved;
    if (options_.dry_run && repaired->added != 0) {
      list_entries_ = std::move(repaired->entries);
    }
    return success();
  }

  // -P: only list entries.
  Status import_paths() {
    for (const auto& argument : options_.arguments) {
      MailboxReport report(style_);
      auto found = check::mailbox_at(*store_, absolute(argument));
      if (!found) {
        report.failed(argument, argument, found.error());
        ++totals_.failed;
      } else {
        CYR_TRY(const auto imported,
                check::import_mailboxes(
                    *store_, {*found}, [](const auto&) { return true; }, *saved_, report, now_));
        totals_.remaining += imported.unresolved;
        report.done(found->entry.name, store_->external_name(found->entry.name), {});
        ++totals_.mailboxes;
      }
      print(report);
    }
    return success();
  }

  // True if a mailbox on disk is one of the arguments or lies below one.
  [[nodiscard]] bool is_asked_for(const check::FoundMailbox& found) const {
    if (options_.arguments.empty()) {
      return true;
    }
    const names::Namespace& ns = store_->name_space();
    const auto name = names::MailboxName::from_internal(found.entry.name, ns);
    return name && std::any_of(options_.arguments.begin(), options_.arguments.end(),
                               [&](const std::string& argument) {
                                 if (options_.users) {
                                   return name->user() == names::UserId::parse(argument, ns);
                                 }
                                 if (names::matches(argument, name->to_admin(ns), ns.separator()) ||
                                     names::matches(argument, found.entry.name, '.')) {
                                   return true;
                                 }
                                 const auto above = names::MailboxName::from_admin(argument, ns);
                                 return options_.partition.empty() && above && name->is_below(*above);
                               });
  }

  // -p is for mailboxes that the list lacks.
  Status refuse_known_names() {
    CYR_TRY(meta::MailboxList * list, store_->mailbox_list());
    for (const auto& argument : options_.arguments) {
      const auto name = names::MailboxName::from_admin(argument, store_->name_space());
      if (!name) {
        return name.error();
      }
      CYR_TRY(const auto entry, list->find(name->to_internal(store_->name_space())));
      if (entry && entry->type.local()) {
        return make_error(Errc::invalid, "Mailbox " + argument + " already exists.  Cannot specify -p.");
      }
    }
    return success();
  }

  Status import_from_disk() {
    if (!options_.scan_filesystem && !options_.find_missing && options_.partition.empty()) {
      return success();
    }
    if (!options_.partition.empty()) {
      CYR_CHECK(refuse_known_names());
    }
    MailboxReport report(style_);
    CYR_TRY(auto scan, check::scan_partitions(*store_, options_.partition, &cli::stop_requested()));
    for (const auto& error : scan.unreadable) {
      report.failed("", "", error);
      ++totals_.failed;
    }
    const auto wanted = [this](const check::FoundMailbox& found) {
      return found.entry.name.empty() ? options_.arguments.empty() : is_asked_for(found);
    };
    const auto metadata =
        options_.check.ignore_metadata ? check::DiskMetadata::ignore : check::DiskMetadata::use;
    CYR_TRY(auto imported,
            check::import_mailboxes(*store_, scan.mailboxes, wanted, *saved_, report, now_, metadata));

    totals_.remaining += imported.unresolved;
    if (options_.dry_run && imported.added != 0) {
      list_entries_ = std::move(imported.entries);
    }
    print(report);
    return success();
  }

  Status select() {
    if (!list_entries_.empty()) {
      select_from_memory();
      return success();
    }
    CYR_TRY(auto selection,
            store::select_mailboxes(
                *store_, options_.arguments,
                {.recursive = options_.recursive || options_.scan_filesystem, .users = options_.users}));
    entries_ = std::move(selection.entries);
    // A mailbox whose directory is away would be made anew, empty, where its file system is not mounted.
    std::erase_if(entries_, [this](const auto& entry) { return without_directory_.contains(entry.name); });
    for (const auto& name : selection.unmatched) {
      unmatched(name);
    }
    for (const auto& bad : selection.unreadable) {
      MailboxReport report(style_);
      report.failed(bad.name, bad.name, bad.error);
      ++totals_.failed;
      print(report);
    }
    return success();
  }

  void unmatched(const std::string& name) {
    ++totals_.unmatched;
    if (!options_.compat_exit) {
      std::fprintf(stderr, "%s: no such mailbox\n", printable(name).c_str());
      if (!options_.scan_filesystem && !options_.find_missing && !options_.users && totals_.unmatched == 1) {
        std::fputs("reconstruct: hint: -f imports mailboxes that are on disk and not in mailboxes.db\n",
                   stderr);
      }
    }
  }

  // A dry run whose list would be another one: the entries it would have.
  void select_from_memory() {
    std::set<std::string> names;
    for (const auto& entry : list_entries_) {
      check::FoundMailbox found;
      found.entry = entry;
      if (is_asked_for(found) && names.insert(entry.name).second) {
        entries_.push_back(entry);
      }
    }
    if (entries_.empty()) {
      for (const auto& argument : options_.arguments) {
        unmatched(argument);
      }
    }
  }

  void check_all() {
    check_.threads =
        jobs();  // the other workers may have nothing left to do while the largest mailbox is looked at
    const auto threads = std::min<std::size_t>(jobs(), std::max<std::size_t>(entries_.size(), 1));
    std::vector<std::thread> workers;
    for (std::size_t i = 1; i < threads; ++i) {
      workers.emplace_back([this] { work(); });
    }
    work();
    for (auto& worker : workers) {
      worker.join();
    }
    progress_.clear();
  }

  void work() {
    auto store = store_->again();
    while (!cli::stop_requested()) {
      const std::size_t number = next_++;
      if (number >= entries_.size()) {
        return;
      }
      const auto& entry = entries_[number];
      MailboxReport report(style_);
      report.when_large = [this, number](std::string& text) { output_.part(number, text); };
      if (!store) {
        report.failed(entry.name, entry.name, store.error());
        account(report, nullptr);
      } else {
        check_one(**store, entry, report);
      }
      output_.put(number, std::move(report.out), std::move(report.err));
      const std::lock_guard guard(mutex_);
      progress_.show(++done_, entries_.size(), entry.name);
    }
  }

  void check_one(store::Store& store, const meta::MailboxEntry& entry, MailboxReport& report) {
    if (!options_.quiet && !options_.dry_run) {
      log(LogLevel::notice, "reconstructing {}", entry.name);
    }
    check::Checker checker(store, check_, *saved_, locks_);
    const std::string external = store.external_name(entry.name);
    const auto summary = checker.mailbox(entry, report);
    if (summary) {
      report.done(entry.name, external, *summary);
      account(report, &*summary);
    } else {
      report.failed(entry.name, external, summary.error());
      account(report, nullptr);
    }
  }

  void account(const MailboxReport& report, const check::Summary* summary) {
    const std::lock_guard guard(mutex_);
    ++totals_.mailboxes;
    for (const auto& [problem, count] : report.counts) {
      counts_[problem] += count;
    }
    if (summary == nullptr) {
      ++totals_.failed;
      return;
    }
    totals_.found += summary->found;
    totals_.fixed += summary->fixed;
    totals_.remaining += summary->remaining;
    totals_.parsed += summary->parsed;
    totals_.changed += summary->changed ? 1 : 0;
    if (summary->changed && !summary->usage_known && !summary->quotaroot.empty()) {
      recount_.insert(summary->quotaroot);
    }
  }

  // Roots whose mailboxes lost the numbers that were counted before: adding a difference would count them
  // twice.
  Status recount_roots() {
    if (recount_.empty() || options_.dry_run) {
      return success();
    }
    for (const auto& root : recount_) {
      check::QuotaOptions quota;
      quota.selection.names = {root};
      MailboxReport report(style_);
      store_->close_databases();
      check::QuotaChecker checker(*store_, quota, *saved_, locks_, report);
      const auto summary = checker.run();
      if (!summary) {
        report.failed(root, root, summary.error());
        ++totals_.failed;
      }
      print(report);
    }
    return success();
  }

  // Old versions have their limits; not being able to hold them is no reason to fail.
  void limit_saved() {
    if (options_.dry_run || saved_->directories().empty()) {
      return;
    }
    const auto removed =
        store::apply_limits(io_, store_->saved_roots(), options_.undo_directory, options_.limits, now_);
    if (!removed) {
      cli::print_warning("reconstruct", "old versions: " + removed.error().text());
    } else if (*removed != 0) {
      log(LogLevel::notice, "{} old versions removed, by age or size", *removed);
    }
  }

  Result<int> finish() {
    CYR_CHECK(saved_->settle(""));
    limit_saved();
    print_summary();
    std::fflush(stdout);
    return exit_status(totals_, options_);
  }

  // For a person at a terminal only: scripts read the lines above.
  void print_summary() {
    if (::isatty(STDERR_FILENO) == 0 || options_.json || options_.quiet) {
      return;
    }
    std::fflush(stdout);
    if (!counts_.empty()) {
      cli::Table table({{"Code", cli::Align::left},
                        {"Count", cli::Align::right},
                        {"Severity", cli::Align::left},
                        {"Problem", cli::Align::left}});
      for (const auto& [problem, count] : counts_) {
        const auto& row = check::row_of(problem);
        table.add_row({std::string(row.code), std::to_string(count), std::string(name_of(row.severity)),
                       std::string(row.slug)});
      }
      table.print(stderr);
    }
    fmt::print(stderr, "{} mailboxes, {} findings, {} repaired, {} left, {} mailboxes changed, {} failed\n",
               totals_.mailboxes, totals_.found, totals_.fixed, totals_.remaining, totals_.changed,
               totals_.failed);
    for (const auto& directory : saved_->directories()) {
      fmt::print(stderr, "old versions: {}\n", directory.native());
    }
  }

  std::shared_ptr<const conf::Config> config_;
  const ReconstructOptions& options_;
  check::Options check_;
  Io& io_;
  const ReportStyle style_;
  const std::int64_t now_;
  cli::Progress progress_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::SavedCopies> saved_;
  store::UserLocks locks_;
  OrderedOutput output_;
  std::vector<meta::MailboxEntry> entries_;
  std::set<std::string> without_directory_;       // listed mailboxes that are not to be checked
  std::vector<meta::MailboxEntry> list_entries_;  // dry run: the list that there would be
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;
  std::size_t done_ = 0;
  bool list_problem_ = false;  // --store: the list is or would be another one
  RunTotals totals_;
  std::map<check::Problem, std::uint64_t> counts_;
  std::set<std::string> recount_;
};

}  // namespace

Io& io_of(const ReconstructOptions& options) {
  if (options.dry_run) {
    return read_only_io();
  }
  return options.io != nullptr ? *options.io : posix_io();
}

int exit_status(const RunTotals& totals, const ReconstructOptions& options) {
  if (options.compat_exit) {
    return 0;
  }
  if (totals.failed != 0 || totals.unmatched != 0) {
    return 1;
  }
  if (options.dry_run) {
    return options.check_only_status && totals.found != 0 ? 1 : 0;
  }
  return totals.remaining != 0 ? 2 : 0;
}

Result<int> run_reconstruct(std::shared_ptr<const conf::Config> config, const ReconstructOptions& options) {
  Run run(std::move(config), options);
  return run.run();
}

}  // namespace cyr::recon

#include "recon/reconstruct_undo.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/check/undo.h"
#include "format/cli/common.h"
#include "format/cli/printer.h"

namespace cyr::recon {

namespace {

class UndoRun {
 public:
  UndoRun(std::shared_ptr<const conf::Config> config, const ReconstructOptions& options)
      : config_(std::move(config)), options_(options), io_(options.dry_run ? read_only_io() : posix_io()) {}

  Result<int> run() {
    CYR_TRY(store_, store::Store::open(io_, config_));
    const auto fresh = store::new_saved_id(static_cast<std::int64_t>(std::time(nullptr)), ::getpid());
    CYR_TRY(const auto undo,
            check::Undo::open(*store_, options_.undo, fresh,
                              {.force = options_.force, .undo_directory = options_.undo_directory}));
    store::SavedCopies saved(io_, store_->saved_roots(), undo->by(), true, options_.undo_directory);
    std::vector<std::string> names = undo->mailboxes();
    for (const auto& name : names) {
      if (name.empty() ? whole_store() : is_asked_for(name)) {
        undo_one(*undo, name, saved);
      }
    }
    report_unmatched();
    CYR_CHECK(undo->finish(saved));
    finish(*undo);
    return failed_ ? cli::exit_failed : cli::exit_ok;
  }

 private:
  // Files of the whole store belong to the state that all mailboxes have together.
  [[nodiscard]] bool whole_store() const { return options_.arguments.empty() && !failed_; }

  bool is_asked_for(const std::string& internal) {
    const names::Namespace& ns = store_->name_space();
    const std::string external = store_->external_name(internal);
    bool found = options_.arguments.empty();
    for (const auto& argument : options_.arguments) {
      if (names::matches(argument, external, ns.separator()) || names::matches(argument, internal, '.')) {
        matched_.insert(argument);
        found = true;
      }
    }
    return found;
  }

  void report_unmatched() {
    for (const auto& argument : options_.arguments) {
      if (!matched_.contains(argument)) {
        fmt::print(stderr, "{}: the run did not change it, or that was undone\n", printable(argument));
        failed_ = true;
      }
    }
  }

  void undo_one(check::Undo& undo, const std::string& name, store::SavedCopies& saved) {
    const std::string shown = name.empty() ? "(whole store)" : store_->external_name(name);
    const auto summary = undo.undo(name, saved, locks_);
    if (!summary) {
      failed_ = true;
      log(LogLevel::error, "{}: undo {}: {}", name, options_.undo, summary.error().text());
      fmt::print(stderr, "{}: {}\n", printable(shown), printable(summary.error().text()));
      return;
    }
    failed_ = failed_ || !summary->done;
    if (summary->done && !options_.dry_run) {
      log(LogLevel::notice, "{}: run {} undone by {}", name, options_.undo, undo.by());
    }
    options_.json ? print_json(name, shown, *summary) : print_text(shown, *summary);
  }

  void print_text(const std::string& shown, const check::UndoSummary& summary) const {
    for (const auto& conflict : summary.conflicts) {
      fmt::print(stderr, "{}: {}\n", printable(shown), printable(conflict));
    }
    if (!summary.done) {
      fmt::print(stderr, "{}: left as it is; --force undoes it all the same\n", printable(shown));
    } else if (!options_.quiet) {
      fmt::print("{}: {} files {}, {} removed, {} records\n", printable(shown), summary.restored,
                 options_.dry_run ? "would be restored" : "restored", summary.removed, summary.records);
    }
  }

  void print_json(const std::string& name, const std::string& shown,
                  const check::UndoSummary& summary) const {
    cli::JsonLine line;
    line.add("mailbox", name).add("name", shown).add("undone", summary.done && !options_.dry_run);
    line.add("restored", summary.restored).add("removed", summary.removed).add("records", summary.records);
    line.add("conflicts", summary.conflicts);
    line.print();
  }

  void finish(const check::Undo& undo) const {
    std::fflush(stdout);
    if (!options_.dry_run && !options_.json && !options_.quiet && ::isatty(STDERR_FILENO) != 0) {
      fmt::print(stderr, "--undo {} takes this back\n", undo.by());
    }
  }

  std::shared_ptr<const conf::Config> config_;
  const ReconstructOptions& options_;
  Io& io_;
  std::unique_ptr<store::Store> store_;
  store::UserLocks locks_;
  std::set<std::string> matched_;
  bool failed_ = false;
};

std::string state_of(const store::SavedRun& run) {
  if (run.undone_by.empty()) {
    return "";
  }
  return fmt::format("{} by {}", run.undone < run.mailboxes ? "partly undone" : "undone", run.undone_by);
}

}  // namespace

Result<int> run_undo(std::shared_ptr<const conf::Config> config, const ReconstructOptions& options) {
  UndoRun run(std::move(config), options);
  return run.run();
}

Result<int> run_list_undo(std::shared_ptr<const conf::Config> config, const ReconstructOptions& options) {
  CYR_TRY(const auto store, store::Store::open(read_only_io(), std::move(config)));
  CYR_TRY(const auto runs, store::list_saved(read_only_io(), store->saved_roots(), options.undo_directory));
  cli::Table table({{"ID", cli::Align::left},
                    {"Mailboxes", cli::Align::right},
                    {"Files", cli::Align::right},
                    {"Bytes", cli::Align::right},
                    {"Below", cli::Align::left},
                    {"State", cli::Align::left}});
  for (const auto& run : runs) {
    if (options.json) {
      cli::JsonLine line;
      line.add("id", run.id).add("root", run.root.native()).add("mailboxes", run.mailboxes);
      line.add("files", run.files).add("bytes", run.bytes).add("undone", run.undone);
      line.add("undone_by", run.undone_by);
      line.print();
    } else {
      table.add_row({run.id, std::to_string(run.mailboxes), std::to_string(run.files),
                     std::to_string(run.bytes), run.root.native(), state_of(run)});
    }
  }
  if (!options.json && !runs.empty()) {
    table.print();
  }
  return 0;
}

}  // namespace cyr::recon

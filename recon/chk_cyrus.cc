// chk_cyrus(8): checks a whole store and changes nothing: every mailbox as reconstruct -n does, the mailbox
// list against the directories by numbered rules, quota usage (tools.md 6.3).
#include <fmt/format.h>

#include <cstdio>

#include "format/base/text.h"
#include "format/check/invariants.h"
#include "format/check/quota_check.h"
#include "format/cli/app.h"
#include "format/cli/printer.h"
#include "format/store/select.h"
#include "recon/reconstruct_report.h"

namespace {

using namespace cyr;

struct CommandLine {
  cli::CommonOptions common;
  std::string partition, mailbox;
  bool whole_store = false;  // what it does anyway
  bool reparse = false;
  bool dry_run = false;  // always
  std::vector<std::string> ignored;
};

void declare_options(CLI::App& app, CommandLine& line) {
  cli::add_common_options(app, line.common, {.json = true, .verbose = false});
  auto* partition = app.add_option("-P,--partition", line.partition, "only mailboxes on this partition");
  auto* mailbox =
      app.add_option("-M,--mailbox", line.mailbox, "only this mailbox (internal or external name)");
  app.add_flag("--store", line.whole_store,
               "the whole store, with what lies outside of mailboxes (the default)")
      ->excludes(mailbox)
      ->excludes(partition);
  partition->type_name("PARTITION")->excludes(mailbox);
  mailbox->type_name("MAILBOX");
  app.add_flag("-G,--force-reparse", line.reparse, "parse every message and compare its GUID");
  app.add_flag("-n,--dry-run", line.dry_run, "nothing is changed in any case");
  app.add_option("argument", line.ignored)->group("");
}

class Run {
 public:
  Run(store::Store& store, const CommandLine& line)
      : store_(store),
        line_(line),
        style_{line.common.json, true, true, false},
        saved_(read_only_io(), {}, "", false) {
    options_.force_reparse = line.reparse;
  }

  Result<int> run() {
    if (!line_.partition.empty() && !store_.partitions().contains(line_.partition)) {
      return make_error(Errc::invalid, "no partition " + line_.partition)
          .with_hint("imapd.conf has partition-NAME for each");
    }
    fmt::print(stderr, "{}\n", heading());
    CYR_TRY(const auto selection,
            store::select_mailboxes(
                store_, line_.mailbox.empty() ? std::vector<std::string>{} : std::vector{line_.mailbox}, {}));
    for (const auto& bad : selection.unreadable) {
      if (!line_.mailbox.empty() || !line_.partition.empty()) {
        fail(bad.name, bad.error);  // a run over everything finds it as invariant 1
      }
    }
    for (const auto& name : selection.unmatched) {
      fail(name, make_error(Errc::not_found, "no such mailbox"));
    }
    for (const auto& entry : selection.entries) {
      if (cli::stop_requested()) {
        return make_error(Errc::cancelled, "stopped by a signal");
      }
      if (line_.partition.empty() || entry.partition == line_.partition) {
        check_mailbox(entry);
      }
    }
    if (line_.mailbox.empty() && line_.partition.empty()) {
      CYR_CHECK(check_store());
    }
    if (failed_) {
      return cli::exit_failed;
    }
    return findings_ == 0 ? cli::exit_ok : cli::exit_data;
  }

 private:
  [[nodiscard]] std::string heading() const {
    if (!line_.mailbox.empty()) {
      return "Examining mailbox: " + printable(line_.mailbox);
    }
    return "Examining partition: " +
           (line_.partition.empty() ? "ALL PARTITIONS" : printable(line_.partition));
  }

  void fail(const std::string& name, const Error& error) {
    std::fflush(stdout);
    fmt::print(stderr, "chk_cyrus: {}: {}\n", printable(name), printable(error.text()));
    failed_ = true;
  }

  void print(const recon::MailboxReport& report) {
    std::fwrite(report.out.data(), 1, report.out.size(), stdout);
    std::fflush(stdout);
    std::fwrite(report.err.data(), 1, report.err.size(), stderr);
    for (const auto& [problem, count] : report.counts) {
      findings_ += check::row_of(problem).severity == check::Severity::info ? 0 : count;
    }
  }

  void check_mailbox(const meta::MailboxEntry& entry) {
    fmt::print(stderr, "checking: {}\n", printable(entry.name));
    recon::MailboxReport report(style_);
    check::Checker checker(store_, options_, saved_, locks_);
    const auto summary = checker.mailbox(entry, report);
    print(report);
    if (!summary) {
      fail(entry.name, summary.error());
    }
  }

  Status check_store() {
    const auto sink = [this](const check::Violation& violation) {
      findings_ += violation.warning ? 0 : 1;
      if (line_.common.json) {
        cli::JsonLine json;
        json.add("invariant", std::uint64_t{violation.invariant}).add("warning", violation.warning);
        json.add("subject", violation.subject).add("text", violation.text).print();
      } else {
        fmt::print("{}: {} (invariant {}{})\n", printable(violation.subject), printable(violation.text),
                   violation.invariant, violation.warning ? ", warning" : "");
      }
    };
    CYR_CHECK(check::check_invariants(store_, sink, &cli::stop_requested()));
    return check_usage();
  }

  // The usage of every quota root, invariant 12, in the words of quota -f.
  Status check_usage() {
    check::QuotaOptions options;
    options.stop = &cli::stop_requested();
    recon::MailboxReport report(style_);
    check::QuotaChecker checker(store_, options, saved_, locks_, report);
    const auto summary = checker.run();
    print(report);
    if (!summary && summary.error().code != Errc::not_found) {
      return summary.error();
    }
    return success();
  }

  store::Store& store_;
  const CommandLine& line_;
  recon::ReportStyle style_;
  check::Options options_;
  store::SavedCopies saved_;
  store::UserLocks locks_;
  std::uint64_t findings_ = 0;
  bool failed_ = false;
};

Result<int> run(const CommandLine& line) {
  CYR_TRY(auto config, cli::start_program(line.common, "chk_cyrus"));
  cli::install_stop_handlers();
  CYR_TRY(const auto store,
          store::Store::open(read_only_io(), std::make_shared<const conf::Config>(std::move(config))));
  Run run(*store, line);
  CYR_TRY(const int status, run.run());
  return line.common.compat_exit ? cli::exit_ok : status;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("check the consistency of a whole store", "chk_cyrus");
  CommandLine line;
  declare_options(app, line);
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  return cli::run_program("chk_cyrus", [&line] { return run(line); });
}

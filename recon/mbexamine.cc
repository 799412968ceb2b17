// mbexamine: shows header, index and cache of mailboxes, also of damaged ones, and compares the index with
// the message files (tools.md 6.1). It changes nothing: all file access is through a read-only Io, under
// shared locks.
#include <fmt/core.h>

#include <algorithm>
#include <cerrno>

#include "format/cli/app.h"
#include "format/store/select.h"
#include "recon/mbexamine_report.h"

namespace {

using namespace cyr;
using namespace cyr::mbexamine;

struct CommandLine {
  cli::CommonOptions common;
  Options show;
  bool check_quota = false;
  bool check_files = false;
  std::vector<std::string> patterns;
};

void declare_options(CLI::App& app, CommandLine& line) {
  cli::add_common_options(app, line.common, {.json = true, .verbose = false});
  app.add_option("-u,--uid", line.show.uid, "only the message with this UID")->type_name("UID");
  app.add_option("-s,--seq", line.show.sequence, "only the message with this sequence number")
      ->type_name("NUMBER");
  app.add_flag("-q,--check-quota", line.check_quota, "compare sizes and quota usage with the message files");
  app.add_flag("-c,--check-message-files", line.check_files, "compare the records with the message files");
  app.add_flag("--all", line.show.all, "show expunged records too, and where each record lies");
  app.add_flag("--classic", line.show.classic, "print exactly as Cyrus 3.6.1 does");
  app.add_option("mailbox", line.patterns, "names or patterns with * and %; none: every mailbox")
      ->type_name("MAILBOX");
}

Outcome examine(ExaminedMailbox& mailbox, const CommandLine& line) {
  if (line.check_files) {
    return check_files(mailbox, line.show);
  }
  if (line.check_quota) {
    return check_quota(mailbox, line.show);
  }
  return line.common.json ? show_json(mailbox, line.show) : show_text(mailbox, line.show);
}

// The worse of two exit statuses: the first that is not 0.
void note(int& status, int other) {
  if (status == cli::exit_ok) {
    status = other;
  }
}

// Where Cyrus shows a mailbox: users, then shared ones, then deleted ones of users; names in list order
// within each.
int place_in_output(const meta::MailboxEntry& entry, const names::Namespace& name_space) {
  const auto name = names::MailboxName::from_internal(entry.name, name_space);
  if (!name || !name->is_user()) {
    return 1;
  }
  return name->is_deleted() ? 2 : 0;
}

void sort_as_cyrus(std::vector<meta::MailboxEntry>& entries, const names::Namespace& name_space) {
  std::stable_sort(entries.begin(), entries.end(),
                   [&](const meta::MailboxEntry& a, const meta::MailboxEntry& b) {
                     return place_in_output(a, name_space) < place_in_output(b, name_space);
                   });
}

Result<int> run(CommandLine& line) {
  // A number of 0 asks for nothing in particular, as in real Cyrus.
  for (auto* number : {&line.show.uid, &line.show.sequence}) {
    if (*number == 0U) {
      number->reset();
    }
  }
  CYR_TRY(conf::Config config, cli::start_program(line.common, "mbexamine"));
  cli::install_stop_handlers();
  CYR_TRY(const auto store,
          store::Store::open(read_only_io(), std::make_shared<const conf::Config>(std::move(config))));
  CYR_TRY(store::Selection selection, store::select_mailboxes(*store, line.patterns, {}));
  sort_as_cyrus(selection.entries, store->name_space());
  int status = cli::exit_ok;
  for (const store::UnreadableEntry& entry : selection.unreadable) {
    cli::print_error("mbexamine", entry.error);
    note(status, cli::exit_data);
  }
  store::UserLocks locks;
  for (const meta::MailboxEntry& entry : selection.entries) {
    if (cli::stop_requested()) {
      return make_error(Errc::cancelled, "stopped by a signal");
    }
    const auto mailbox = ExaminedMailbox::open(*store, entry, locks);
    if (!mailbox) {
      if (line.show.classic) {
        fmt::print("Examining {}...", store->external_name(entry.name));
      }
      std::fflush(stdout);
      cli::print_error("mbexamine", mailbox.error());
      note(status, exit_status(mailbox.error()));
      continue;
    }
    const Outcome outcome = examine(**mailbox, line);
    note(status, outcome == Outcome::fine ? cli::exit_ok : cli::exit_data);
  }
  for (const std::string& argument : selection.unmatched) {
    std::fflush(stdout);
    cli::print_error("mbexamine",
                     make_error(Errc::not_found, fmt::format("no mailbox matches \"{}\"", argument)));
    note(status, cli::exit_unavailable);
  }
  if (std::fflush(stdout) != 0) {
    return system_error(errno, "cannot write to standard output");
  }
  return line.common.compat_exit ? cli::exit_ok : status;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Show the header, index and cache of mailboxes.", "mbexamine");
  CommandLine line;
  declare_options(app, line);
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  return cli::run_program("mbexamine", [&] { return run(line); });
}

// unexpunge(8): lists messages that were expunged and are still there, and brings them back (tools.md 6.4).
#include <fmt/format.h>

#include <cstdio>

#include "format/base/text.h"
#include "format/cli/app.h"
#include "recon/unexpunge_run.h"

namespace {

using namespace cyr;
using recon::UnexpungeOptions;

struct CommandLine {
  cli::CommonOptions common;
  UnexpungeOptions run;
  bool list = false, all = false, by_uid = false;
  std::string within;
  std::vector<std::string> arguments;
};

void declare_options(CLI::App& app, CommandLine& line) {
  cli::add_common_options(app, line.common);
  app.add_flag("-l,--list", line.list, "list the expunged messages; without a mailbox, those of all");
  app.add_flag("-a,--all", line.all, "restore all expunged messages");
  app.add_flag("-u,--uids", line.by_uid, "restore the messages with these UIDs");
  app.add_option(
         "-t,--within-time-interval", line.within,
         "restore, or with -l list, what was expunged within this time: a number with m, h, d or w, or "
         "of seconds")
      ->type_name("TIME");
  app.add_flag("-d,--unset-deleted", line.run.restore.undelete, "take \\Deleted off restored messages");
  app.add_option("-f,--set-flag", line.run.user_flag, "set this user flag on restored messages")
      ->type_name("FLAG");
  app.add_flag("-r,--recursive", line.run.recursive, "also the mailboxes below");
  app.add_flag("-k,--keep-uids", line.run.restore.keep_uid, "restored messages keep their UIDs");
  app.add_flag("-q,--ignore-quota", line.run.ignore_quota, "restore even beyond the quota");
  app.add_flag("-n,--dry-run", line.run.dry_run, "change nothing; say what would be done");
  app.add_option("mailbox", line.arguments, "a mailbox name or pattern, then UIDs with -u and -l");
}

int usage() {
  std::fputs(
      "unexpunge [-C <altconfig>] -l <mailbox> [<uid>...]\n"
      "unexpunge [-C <altconfig>] -t time-interval [-d] [-v] [-f flag] mailbox\n"
      "unexpunge [-C <altconfig>] -a [-d] [-v] [-f flag] <mailbox>\n"
      "unexpunge [-C <altconfig>] -u [-d] [-v] [-f flag] <mailbox> <uid>...\n",
      stderr);
  return 255;
}

// False for a combination that makes no sense.
bool understand(CommandLine& line) {
  const int modes = (line.list ? 1 : 0) + (line.all ? 1 : 0) + (line.by_uid ? 1 : 0);
  if (modes > 1 || (modes == 0 && line.within.empty()) || (line.by_uid && !line.within.empty())) {
    return false;
  }
  line.run.list = line.list;
  if (!line.within.empty()) {
    line.run.within = recon::parse_interval(line.within, "smhdw");
    if (!line.run.within) {
      return false;
    }
  }
  if (line.arguments.empty()) {
    return line.list;
  }
  line.run.mailbox = line.arguments.front();
  for (std::size_t i = 1; i < line.arguments.size(); ++i) {
    const auto uid = parse_number<std::uint32_t>(line.arguments[i]);
    if (!uid || *uid == 0) {
      return false;
    }
    line.run.uids.insert(*uid);
  }
  return line.by_uid != line.run.uids.empty() || line.list;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("list and restore expunged messages", "unexpunge");
  CommandLine line;
  declare_options(app, line);
  if (const auto done = cli::parse_command_line(app, argc, argv, 255)) {
    return *done;
  }
  if (!understand(line)) {
    return usage();
  }
  if (line.run.user_flag.starts_with('\\')) {
    std::fputs("fatal error: can't set a system flag\n", stderr);
    return cli::exit_software;
  }
  return cli::run_program("unexpunge", [&line]() -> Result<int> {
    CYR_TRY(auto config, cli::start_program(line.common, "unexpunge"));
    cli::install_stop_handlers();
    line.run.json = line.common.json;
    line.run.verbose = line.common.verbose > 0;
    CYR_TRY(const int status,
            recon::run_unexpunge(std::make_shared<const conf::Config>(std::move(config)), line.run));
    return line.common.compat_exit ? cli::exit_ok : status;
  });
}

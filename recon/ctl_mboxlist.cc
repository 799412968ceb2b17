// ctl_mboxlist(8): dumps mailboxes.db as text, loads it from text, compares it with the directories
// (tools.md 5.4).
#include <fmt/format.h>

#include <cstdio>

#include "format/cli/app.h"
#include "recon/ctl_mboxlist_run.h"

namespace {

using namespace cyr;

struct CommandLine {
  cli::CommonOptions common;
  recon::MailboxListOptions run;
  std::string file;
  bool dump = false, undump = false, verify = false, mupdate = false, obsolete = false;
  bool authoritative = false, warn_only = false, interactive = false;
};

constexpr const char* usage_text =
    "DUMP:\n"
    "  ctl_mboxlist [-C <alt_config>] -d [-x] [-y] [-p partition] [-f filename]\n"
    "               [--history] [--release R]\n"
    "UNDUMP:\n"
    "  ctl_mboxlist [-C <alt_config>] -u [-n] [-f filename] [-L] [--release R] [< mboxlist.dump]\n"
    "MUPDATE populate:\n"
    "  ctl_mboxlist [-C <alt_config>] -m [-a] [-w] [-i] [-f filename]\n"
    "VERIFY:\n"
    "  ctl_mboxlist [-C <alt_config>] -v [-f filename]\n";

void declare_options(CLI::App& app, CommandLine& line) {
  cli::add_common_options(app, line.common, {.json = false, .verbose = false});
  app.add_flag("-d,--dump", line.dump, "write the list to standard output");
  app.add_flag("-u,--undump", line.undump, "load the list from standard input");
  app.add_flag("-v,--verify", line.verify, "compare the list with the directories");
  app.add_flag("-m,--sync-mupdate", line.mupdate, "compare with the mupdate master (not supported)");
  app.add_option("-f,--filename", line.file, "use this file, not the configured one")->type_name("FILE");
  app.add_option("-p,--partition", line.run.partition, "with -d: only mailboxes on this partition")
      ->type_name("PARTITION");
  app.add_flag("-x,--remove-dumped", line.run.remove, "with -d: erase what was dumped from the list");
  app.add_flag("-y,--include-intermediaries", line.run.intermediates,
               "with -d: names that only have children too");
  app.add_flag("--history", line.run.full_history, "with -d: the earlier names of each mailbox too");
  app.add_option("--release", line.run.release,
                 "in the form of this release of Cyrus: the dump, or with -u a list that is empty")
      ->type_name("RELEASE");
  app.add_flag("-L,--legacy", line.run.legacy, "with -u: the input is lines of text");
  app.add_flag("-n,--dry-run", line.run.dry_run, "with -u or -x: change nothing");
  app.add_flag("-a,--authoritative", line.authoritative, "with -m");
  app.add_flag("-w,--warn-only", line.warn_only, "with -m");
  app.add_flag("-i,--interactive", line.interactive, "with -m");
  app.add_flag("-r,-c", line.obsolete, "obsolete: ctl_cyrusdb does this")->group("");
}

int usage() {
  std::fputs(usage_text, stderr);
  return cli::exit_failed;
}

// The combinations that Cyrus refuses: one work, and only its own options.
bool fits_together(const CommandLine& line) {
  const auto& run = line.run;
  const int works = int{line.dump} + int{line.undump} + int{line.verify} + int{line.mupdate};
  const bool of_dump = run.remove || run.intermediates || run.full_history || !run.partition.empty();
  const bool of_mupdate = line.authoritative || line.warn_only || line.interactive;
  return works == 1 && (line.dump || !of_dump) && (line.undump || !run.legacy) &&
         (line.mupdate || !of_mupdate) && (line.undump || run.remove || !run.dry_run) &&
         (line.dump || line.undump || run.release.empty());
}

// The configuration with another file as mailboxes.db.
Result<conf::Config> with_list_file(const conf::Config& config, const std::string& file) {
  std::string text;
  for (const auto& [name, value] : config.listing()) {
    if (name != conf::name_of(conf::Option::mboxlist_db_path)) {
      text += fmt::format("{}: {}\n", name, value);
    }
  }
  text += fmt::format("{}: {}\n", conf::name_of(conf::Option::mboxlist_db_path), file);
  return conf::Config::parse(read_only_io(), text, config.file(), {.ident = "ctl_mboxlist"});
}

Result<int> run(const CommandLine& line) {
  if (line.obsolete) {
    std::fputs("ctl_mboxlist: -r and -c are obsolete; run ctl_cyrusdb\n", stderr);
    return cli::exit_usage;
  }
  if (!fits_together(line)) {
    return usage();
  }
  CYR_TRY(auto config, cli::start_program(line.common, "ctl_mboxlist"));
  if (line.mupdate) {
    std::fputs(config.is_set(conf::Option::mupdate_server)
                   ? "fatal error: this program does not speak to mupdate servers\n"
                   : "fatal error: couldn't get mupdate server name\n",
               stderr);
    return cli::exit_unavailable;
  }
  if (!line.file.empty()) {
    CYR_TRY(config, with_list_file(config, line.file));
    const auto there = read_only_io().exists(line.file);
    if (!line.undump && !(there && *there)) {
      std::fputs("fatal error: can't read mailboxes file\n", stderr);
      return cli::exit_temporary;
    }
  }
  cli::install_stop_handlers();
  const bool writes = !line.run.dry_run && (line.undump || line.run.remove);
  CYR_TRY(const auto store, store::Store::open(writes ? posix_io() : read_only_io(),
                                               std::make_shared<const conf::Config>(std::move(config))));
  CYR_TRY(const int status, line.dump     ? recon::dump_list(*store, line.run)
                            : line.undump ? recon::undump_list(*store, line.run)
                                          : recon::verify_list(*store));
  return line.common.compat_exit ? cli::exit_ok : status;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("dump, load and verify the mailbox list", "ctl_mboxlist");
  CommandLine line;
  declare_options(app, line);
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  return cli::run_program("ctl_mboxlist", [&line] { return run(line); });
}

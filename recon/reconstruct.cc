// reconstruct(8): checks mailboxes and repairs what is damaged. Options and words are those of Cyrus
// (tools.md 3).
#include <fmt/format.h>
#include <malloc.h>

#include <cstdio>

#include "format/cli/app.h"
#include "recon/reconstruct_copy.h"
#include "recon/reconstruct_root.h"
#include "recon/reconstruct_run.h"
#include "recon/reconstruct_undo.h"
#include "recon/reconstruct_users.h"

namespace {

using cyr::Result;
using cyr::recon::ReconstructOptions;

struct CommandLine {
  cyr::cli::CommonOptions common;
  ReconstructOptions run;
  bool no_stat = false, no_keep = false, deprecated_k = false, deprecated_g = false, list_undo = false;
  std::string undo_directory, release, root, to_release, copy_to;
  std::vector<std::string> merge;
  std::int64_t undo_days = 30;
  std::uint64_t undo_gigabytes = 10;
};

void add_undo_options(CLI::App& app, CommandLine& line) {
  app.add_flag("--list-undo,--list-saved", line.list_undo, "list what earlier runs have kept");
  app.add_option("--undo", line.run.undo, "take back what this run changed, in the given mailboxes or all")
      ->type_name("ID");
  app.add_flag("--force", line.run.force,
               "with --undo: also where a mailbox changed since; with -m: although a partition is away");
  app.add_option("--undo-dir", line.undo_directory, "keep old versions below this directory")
      ->type_name("DIR");
  app.add_option("--undo-days", line.undo_days, "keep old versions for so many days; 0: for ever")
      ->check(CLI::Range(0, 36500))
      ->capture_default_str();
  app.add_option("--undo-size", line.undo_gigabytes,
                 "keep so many GiB of them on each partition; 0: no limit")
      ->check(CLI::Range(0U, 1U << 20U))
      ->capture_default_str();
}

void add_user_options(CLI::App& app, CommandLine& line) {
  app.add_flag(
      "--users", line.run.mend_users,
      "the arguments are user ids, none: everybody; mend and convert their subscriptions and seen state");
  app.add_option("--merge", line.merge,
                 "with --users: unite with the .sub and .seen files of this backup (a file or a directory)")
      ->type_name("PATH")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("--guess", line.run.guess,
               "with --users: also guess, from logs and rights, subscriptions that are lost altogether");
}

void add_options(CLI::App& app, CommandLine& line) {
  ReconstructOptions& run = line.run;
  app.add_option("mailbox", run.arguments,
                 "mailbox names or patterns (with -u: user ids, with -P: paths); none: everything");
  app.add_flag("-r,--recursive", run.recursive, "also everything below each mailbox");
  app.add_flag("-u,--userids", run.users, "the arguments are user ids");
  app.add_flag("-P,--header-paths", run.header_paths,
               "the arguments are paths of cyrus.header files; only repairs mailboxes.db");
  app.add_option("-p,--partition", run.partition,
                 "the mailboxes are missing in mailboxes.db; import them from this partition")
      ->type_name("PARTITION");
  app.add_flag("-x,--ignore-disk-metadata", run.check.ignore_metadata,
               "with -p and -f: do not import access lists from the disk");
  app.add_flag("-f,--scan-filesystem", run.scan_filesystem,
               "import mailboxes on disk at and below the arguments");
  app.add_flag("-d", run.find_missing, "look for mailboxes on disk that mailboxes.db lacks and add them");
  app.add_flag("-m", run.rebuild_list,
               "rebuild mailboxes.db from its records, its older copies and the partitions first");
  app.add_flag(
      "--store", run.whole_store,
      "the whole store: the list as with -m, every mailbox, users' databases, quota, and what must hold "
      "between them");
  app.add_option("--release", line.release, "with -m: write the list of this release (2.1 to 3.12)")
      ->type_name("RELEASE");
  app.add_option("--to-release", line.to_release,
                 "bring the whole store to this release: -m --release RELEASE -V RELEASE")
      ->type_name("RELEASE");
  app.add_option("--copy-to", line.copy_to,
                 "with --to-release: copy the store into this directory, and convert the copy")
      ->type_name("DIR");
  app.add_option("--root", line.root, "with -m: no imapd.conf; find out from the tree below this directory")
      ->type_name("DIR");
  app.add_flag("-s,--no-stat", line.no_stat, "do not look at the sizes of message files");
  app.add_flag("-q,--quiet", run.quiet, "no line for each mailbox");
  app.add_flag("-n,--dry-run", run.dry_run, "change nothing; say what would be done");
  app.add_flag("-G,--force-reparse", run.check.force_reparse, "parse every message and compare its GUID");
  app.add_flag("-R,--guid-mismatch-keep", run.check.guid_keep,
               "a message with another GUID becomes a new message");
  app.add_flag("-U,--guid-mismatch-discard", run.check.guid_discard,
               "a message with another GUID is expunged and set aside");
  app.add_flag("-o,--ignore-odd-files", run.check.ignore_odd, "do not mention odd files");
  app.add_flag("-O,--delete-odd-files", run.check.remove_odd, "set odd files aside");
  app.add_flag("-M,--prefer-mboxlist", run.check.prefer_list, "believe mailboxes.db, not header and index");
  app.add_flag("-I,--update-uniqueids", run.check.new_uniqueids,
               "give a mailbox whose unique id belongs to another one a new one");
  app.add_option("-V,--set-version", run.version,
                 "convert to this index version, or that of a release (2.4, 3.6.1), or max")
      ->type_name("VERSION");
  app.add_flag("--accept-loss", run.check.accept_loss,
               "with -V: convert although the version cannot hold everything");
  app.add_flag("-k", line.deprecated_k, "ignored")->group("");
  app.add_flag("-g", line.deprecated_g, "ignored")->group("");
  app.add_option("-j,--jobs", run.jobs, "threads (default: one per processor)")->check(CLI::Range(1U, 256U));
  app.add_flag("--no-keep", line.no_keep,
               "do not keep the old versions of files that are replaced or removed");
  app.add_flag("--check", run.check_only_status, "with -n: exit status 1 when something would be changed");
  app.add_flag("--progress", run.progress, "show how far the run is");
  add_user_options(app, line);
  add_undo_options(app, line);
}

// --to-release is short for what it stands for.
void spell_out(CommandLine& line) {
  if (line.to_release.empty()) {
    return;
  }
  line.run.rebuild_list = true;
  line.release = line.to_release;
  if (line.run.version.empty()) {
    line.run.version = line.to_release;
  }
}

int usage(const char* text) {
  std::fprintf(stderr, "%s\n", text);
  return cyr::cli::exit_usage;
}

// The combinations that Cyrus refuses, in its words.
std::optional<int> refuse(const CommandLine& line) {
  const ReconstructOptions& run = line.run;
  const bool none = run.arguments.empty();
  if (run.users && run.header_paths) {
    return usage("reconstruct: -u and -P exclude one another");
  }
  if (run.whole_store &&
      (run.rebuild_list || run.recursive || run.scan_filesystem || run.mend_users || !none)) {
    return usage("reconstruct: --store goes without -m, -r, -f, --users and mailboxes");
  }
  if (run.rebuild_list && (run.recursive || run.scan_filesystem || !none)) {
    return usage("reconstruct: -m goes without -r, -f and mailboxes");
  }
  if (!run.partition.empty() && none) {
    return usage("When using -p, you must specify a mailbox to attempt to reconstruct.");
  }
  if ((run.recursive || run.users) && none) {
    return usage("please specify a mailbox to recurse from");
  }
  if (run.header_paths && none) {
    return usage("please specify the path of a cyrus.header file");
  }
  for (const auto& argument : run.arguments) {
    if (!run.partition.empty() && argument.find_first_of("*%") != std::string::npos) {
      return usage("Using wildcards with -p is not supported.");
    }
  }
  if (run.mend_users && (run.rebuild_list || run.header_paths || run.recursive || !run.partition.empty())) {
    return usage("reconstruct: --users goes without -m, -r, -p and -P");
  }
  if ((run.guess || !line.merge.empty()) && !run.mend_users) {
    return usage("reconstruct: --merge and --guess go with --users only");
  }
  if (run.force && run.undo.empty() && !run.rebuild_list && !run.whole_store) {
    return usage("reconstruct: --force goes with --undo, -m and --store only");
  }
  if (!line.release.empty() && !(run.rebuild_list && cyr::conf::Release::parse(line.release))) {
    return usage("reconstruct: --release goes with -m and needs a release, 2.1 to 3.12");
  }
  if (!line.root.empty() && (!run.rebuild_list || line.root.front() != '/')) {
    return usage("reconstruct: --root goes with -m and needs a path that begins with /");
  }
  if (!line.copy_to.empty() && (line.to_release.empty() || line.copy_to.front() != '/')) {
    return usage("reconstruct: --copy-to goes with --to-release and needs a path that begins with /");
  }
  if (!line.undo_directory.empty() && line.undo_directory.front() != '/') {
    return usage("reconstruct: --undo-dir needs a path that begins with /");
  }
  if (run.check.accept_loss && run.version.empty()) {
    return usage("reconstruct: --accept-loss goes with -V only");
  }
  if (run.check.guid_keep && run.check.guid_discard) {
    return usage("reconstruct: -R and -U exclude one another");
  }
  return {};
}

cyr::fs::path without_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  return path;
}

Result<cyr::conf::Config> start_without_configuration(const std::string& root) {
  CYR_TRY(auto config, cyr::recon::config_of_root(root));
  CYR_CHECK(cyr::cli::become_store_user(config));
  CYR_CHECK(cyr::cli::set_umask(config));
  cyr::cli::open_log(config, "reconstruct");
  return config;
}

Result<int> run(CommandLine& line) {
  if (line.deprecated_k) {
    std::fputs("reconstruct: deprecated option -k ignored\n", stderr);
  }
  if (line.deprecated_g) {
    std::fputs("reconstruct: deprecated option -g ignored\n", stderr);
  }
  CYR_TRY(auto config, line.root.empty() ? cyr::cli::start_program(line.common, "reconstruct")
                                         : start_without_configuration(line.root));
  auto shared = std::make_shared<const cyr::conf::Config>(std::move(config));
  line.run.undo_directory = line.undo_directory;
  if (!line.release.empty()) {
    line.run.release = cyr::conf::Release::parse(line.release);
  }
  line.run.limits = {.age = line.undo_days * 86400, .bytes = line.undo_gigabytes << 30U};
  line.run.json = line.common.json;
  if (line.list_undo) {
    return cyr::recon::run_list_undo(std::move(shared), line.run);
  }
  if (!line.run.undo.empty()) {
    return cyr::recon::run_undo(std::move(shared), line.run);
  }
  cyr::cli::install_stop_handlers();
  line.run.compat_exit = line.common.compat_exit;
  line.run.keep = !line.no_keep;
  line.run.check.stat_files = !line.no_stat;
  line.run.merge.assign(line.merge.begin(), line.merge.end());
  if (line.run.mend_users) {
    return cyr::recon::run_users(std::move(shared), line.run);
  }
  if (!line.copy_to.empty()) {
    return cyr::recon::run_on_copy(std::move(shared), line.run, without_slash(line.copy_to));
  }
  return cyr::recon::run_reconstruct(std::move(shared), line.run);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("checks mailboxes and repairs what is damaged", "reconstruct");
  CommandLine line;
  cyr::cli::add_common_options(app, line.common, {.json = true, .verbose = false});
  add_options(app, line);
  if (const auto done = cyr::cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  if (!line.to_release.empty() && !line.release.empty()) {
    return usage("reconstruct: --to-release and --release exclude one another");
  }
  spell_out(line);
  if (const auto refused = refuse(line)) {
    return *refused;
  }
  // What a large mailbox needed goes back to the system when it is freed; otherwise glibc keeps every block
  // below the size of the largest one that was ever freed.
  (void)::mallopt(M_MMAP_THRESHOLD, 1 << 20);
  return cyr::cli::run_program("reconstruct", [&line] { return run(line); });
}

// cyr_expire(8): erases what is old - expunged messages, messages past their mailbox's expire time, deleted
// mailboxes, records of delivered messages - and moves old messages to the archive.
#include <array>
#include <cstdio>

#include "format/cli/app.h"
#include "recon/companion.h"
#include "recon/cyr_expire_run.h"

namespace {

using namespace cyr;

struct CommandLine {
  cli::CommonOptions common;
  recon::ExpireOptions run;
  std::string archive, removal, expire, expunge;
  bool help = false;
  std::vector<std::string> ignored;
};

void declare_options(CLI::App& app, CommandLine& line) {
  cli::add_common_options(app, line.common);
  const auto duration = [&app](const char* flags, std::string& into, const char* help) {
    app.add_option(flags, into, help)
        ->type_name("DURATION")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  };
  duration("-A,--archive-duration", line.archive, "move messages older than this to the archive partition");
  duration("-D,--delete-duration", line.removal, "remove mailboxes that were deleted before");
  duration("-E,--expire-duration", line.expire, "prune the duplicate delivery database of what is older");
  duration("-X,--expunge-duration", line.expunge, "erase messages that were expunged before");
  app.add_flag("-a,--skip-annotation", line.run.skip_annotations, "do not look at annotations of mailboxes");
  app.add_flag("--inherit", line.run.inherit, "annotations count for the mailboxes below, in any store");
  app.add_flag("-c,--no-conversations", line.run.keep_conversations, "do not prune conversations databases");
  app.add_option("-p,--prefix", line.run.prefix, "only mailboxes whose name begins so")->type_name("PREFIX");
  app.add_flag("-t,--prune-userflags", line.run.prune_flags, "remove user flags that no message has");
  app.add_option("-u,--userid", line.run.user, "only mailboxes of this user")->type_name("USER");
  app.add_flag("-x,--no-expunge", line.run.keep_messages, "leave messages alone");
  app.add_flag("-n,--dry-run", line.run.dry_run, "change nothing; say what would be done");
  app.add_flag("-h", line.help, "print the usage and exit with status 64")->group("");
  // Cyrus announces arguments in its usage and ignores them.
  app.add_option("argument", line.ignored)->group("");
}

int usage() {
  std::fputs(
      "Usage: cyr_expire [OPTIONS] {mailbox|users}\n"
      "Expire messages and duplicate delivery database entries.\n\n"
      "-a                       skip annotation lookup\n"
      "-c                       do not expire conversations\n"
      "-h                       print this help and exit\n"
      "-n                       change nothing, say what would be done\n"
      "-p <mailbox-prefix>      specify prefix for mailboxes\n"
      "-t                       remove user flags which are not used\n"
      "-u <user-id>             specify user id for mailbox lookup\n"
      "-v                       enable verbose output\n"
      "-x                       do not expunge messages\n"
      "-C <config-file>         use <config-file> instead of config from imapd.conf\n"
      "-A <archive-duration>    \n-D <delete-duration>     \n-E <expire-duration>     \n"
      "-X <expunge-duration>    \n\n",
      stderr);
  return cli::exit_usage;
}

// False when a duration is none.
bool read_durations(const CLI::App& app, CommandLine& line) {
  struct Duration {
    const char* option;
    const std::string& text;
    std::optional<std::int64_t>& value;
  };
  const std::array durations{
      Duration{"-A", line.archive, line.run.archive}, Duration{"-D", line.removal, line.run.removal},
      Duration{"-E", line.expire, line.run.expire}, Duration{"-X", line.expunge, line.run.expunge}};
  for (const auto& duration : durations) {
    if (app.count(duration.option) != 0) {
      duration.value = recon::parse_interval(duration.text, "dhms");
      if (!duration.value) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("expire messages, deleted mailboxes and duplicate delivery records", "cyr_expire");
  CommandLine line;
  declare_options(app, line);
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  if (line.help || !read_durations(app, line)) {
    return usage();
  }
  const auto& run = line.run;
  if (!run.archive && !run.removal && !run.expire && !run.expunge && !run.prune_flags) {
    std::fputs("Missing arguments.\n", stderr);
    return usage();
  }
  return cli::run_program("cyr_expire", [&line]() -> Result<int> {
    CYR_TRY(auto config, cli::start_program(line.common, "cyr_expire"));
    cli::install_stop_handlers();
    line.run.json = line.common.json;
    line.run.verbose = line.common.verbose > 0;
    CYR_TRY(const int status,
            recon::run_expire(std::make_shared<const conf::Config>(std::move(config)), line.run));
    return line.common.compat_exit ? cli::exit_ok : status;
  });
}

// ipurge(8): expunges messages by age or size (tools.md 6.6).
#include <fmt/format.h>

#include <cstdio>

#include "format/base/text.h"
#include "format/cli/app.h"
#include "recon/ipurge_run.h"

namespace {

using namespace cyr;

struct CommandLine {
  cli::CommonOptions common;
  recon::PurgeOptions run;
  std::string days, bytes, kilobytes, megabytes;
  bool help = false;
};

void declare_options(CLI::App& app, CommandLine& line) {
  cli::add_common_options(app, line.common);
  const auto number = [&app](const char* flags, std::string& into, const char* help) {
    app.add_option(flags, into, help)->type_name("N");
  };
  number("-d,--days", line.days, "messages older than so many days");
  number("-b,--bytes", line.bytes, "messages larger than so many bytes");
  number("-k,--kbytes", line.kilobytes, "the same in KiB");
  number("-m,--mbytes", line.megabytes, "the same in MiB");
  app.add_flag("-x,--exact-match", line.run.exact, "of exactly this age or size");
  app.add_flag("-X,--delivery-time", line.run.by_delivery, "age by time of delivery, not by the Date header");
  app.add_flag("-i,--invert-match", line.run.invert, "newer or smaller; with -x, not of this age or size");
  app.add_flag("-f,--force", line.run.users_too, "mailboxes of users, too");
  app.add_flag("-s,--skip-flagged", line.run.skip_flagged, "leave \\Flagged messages alone");
  app.add_flag("-o,--only-deleted", line.run.only_deleted, "only \\Deleted messages");
  app.add_flag("-M,--non-recursive", line.run.not_below, "a pattern does not match names below its matches");
  app.add_flag("-n,--dry-run", line.run.dry_run, "change nothing; list the messages");
  app.add_flag("-h", line.help, "print the usage")->group("");
  app.add_option("mailbox", line.run.patterns, "names or patterns; none: every mailbox");
}

void usage() {
  std::fputs(
      "usage: ipurge [-f] [-s] [-C <alt_config>] [-x] [-X] [-i] [-o] [-n] {-d days | -b bytes|-k Kbytes|-m "
      "Mbytes}\n"
      "\t[mboxpattern1 ... [mboxpatternN]]\n"
      "\tthere are no defaults and at least one of -d, -b, -k, -m\n"
      "\tmust be specified\n"
      "\tif no mboxpattern is given ipurge works on all mailboxes\n"
      "\t -x specifies an exact match for days or size\n"
      "\t -f force also to delete mail below user.* and INBOX.*\n"
      "\t -s skip over messages that are flagged.\n"
      "\t -X use delivery time instead of date header for date matches.\n"
      "\t -i invert match logic: -x means not equal, date is for newer, size is for smaller.\n"
      "\t -M don't recurse mailboxes.\n"
      "\t -o only purge messages that are deleted.\n"
      "\t -n only print messages that would be deleted (dry run).\n"
      "\t -v enable verbose output/logging.\n",
      stdout);
}

// False for a criterion that is no number. The last size given counts, as in Cyrus.
bool read_numbers(CommandLine& line) {
  struct Number {
    const std::string& text;
    std::optional<std::int64_t>& value;
    std::int64_t unit;
  };
  for (const auto& number :
       {Number{line.days, line.run.seconds, 86400}, Number{line.bytes, line.run.size, 1},
        Number{line.kilobytes, line.run.size, 1024}, Number{line.megabytes, line.run.size, 1024 * 1024}}) {
    if (!number.text.empty()) {
      const auto value = parse_number<std::uint32_t>(number.text);
      if (!value) {
        return false;
      }
      number.value = *value * number.unit;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("expunge messages by age or size", "ipurge");
  CommandLine line;
  declare_options(app, line);
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  if (line.help) {
    usage();
    return cli::exit_ok;
  }
  const bool understood = read_numbers(line);
  if (!understood || (!line.run.seconds && !line.run.size)) {
    if (understood) {
      std::fputs("One of these must be specified -d, -b -k, -m\n", stdout);
    }
    usage();
    return line.common.compat_exit ? cli::exit_ok : cli::exit_usage;
  }
  return cli::run_program("ipurge", [&line]() -> Result<int> {
    CYR_TRY(auto config, cli::start_program(line.common, "ipurge"));
    cli::install_stop_handlers();
    line.run.json = line.common.json;
    line.run.verbose = line.common.verbose > 0;
    CYR_TRY(const int status,
            recon::run_purge(std::make_shared<const conf::Config>(std::move(config)), line.run));
    return line.common.compat_exit ? cli::exit_ok : status;
  });
}

// arbitron(8): how many users read, and subscribe to, each shared mailbox (tools.md 6.6).
#include <fmt/format.h>

#include <cstdio>
#include <ctime>

#include "format/base/text.h"
#include "format/cli/app.h"
#include "recon/arbitron_run.h"

namespace {

using namespace cyr;

constexpr std::int64_t kDay = 86400;
constexpr std::int64_t kMonth = 31 * kDay;

struct CommandLine {
  cli::CommonOptions common;
  recon::ArbitronOptions run;
  std::string days, range, months;
};

void declare_options(CLI::App& app, CommandLine& line) {
  cli::add_common_options(app, line.common, {.json = true, .verbose = false});
  app.add_flag("-o,--no-subscribers", line.run.no_subscribers, "readers only");
  app.add_flag("-u,--userids", line.run.user_ids, "name the users");
  app.add_flag("-l,--long", line.run.long_form, "one line for each user of a mailbox, separated by commas");
  auto* days = app.add_option("-d,--days", line.days, "readers are who read within so many days (30)");
  auto* range = app.add_option("-D,--date-range", line.range, "or between two days, mmddyyyy[:mmddyyyy]");
  days->type_name("DAYS")->excludes(range);
  range->type_name("DATES");
  app.add_option("-p,--prune-seen", line.months, "forget seen state that was not used for so many months")
      ->type_name("MONTHS");
  app.add_flag("-n,--dry-run", line.run.dry_run, "with -p: change nothing");
  app.add_option("mailbox", line.run.patterns, "names or patterns; none: every shared mailbox");
}

int usage() {
  std::fputs(
      "usage: arbitron [-o] [-u] [-l] [-C alt_config] [-d days | -D mmddyyy[:mmddyyyy]]\n"
      "                [-p months] [mboxpattern]\n",
      stderr);
  return cli::exit_usage;
}

// Midnight, local time, of mmddyyyy.
std::optional<std::int64_t> parse_day(std::string_view text) {
  if (text.size() != 8) {
    return {};
  }
  const auto month = parse_number<int>(text.substr(0, 2));
  const auto day = parse_number<int>(text.substr(2, 2));
  const auto year = parse_number<int>(text.substr(4));
  if (!month || !day || !year || *month < 1 || *month > 12 || *day < 1 || *day > 31 || *year < 1970) {
    return {};
  }
  std::tm local{};
  local.tm_mon = *month - 1;
  local.tm_mday = *day;
  local.tm_year = *year - 1900;
  local.tm_isdst = -1;
  return static_cast<std::int64_t>(std::mktime(&local));
}

// False when a number or a date is none.
bool read_times(CommandLine& line, std::int64_t now) {
  auto& run = line.run;
  run.from = now - 30 * kDay;
  run.until = now;
  if (!line.days.empty()) {
    const auto days = parse_number<std::uint32_t>(line.days);
    run.from = now - days.value_or(0) * kDay;
    return days.has_value();
  }
  if (!line.range.empty()) {
    const auto days = split(line.range, ':');
    const auto from = parse_day(days.front());
    const auto until = days.size() > 1 ? parse_day(days[1]) : std::optional(now);
    if (days.size() > 2 || !from || !until) {
      return false;
    }
    run.from = *from;
    run.until = *until;
  }
  if (!line.months.empty()) {
    const auto months = parse_number<std::uint32_t>(line.months);
    run.prune_before = months ? std::optional(now - *months * kMonth) : std::nullopt;
    return months.has_value();
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("count the readers and subscribers of shared mailboxes", "arbitron");
  CommandLine line;
  declare_options(app, line);
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  if (!read_times(line, static_cast<std::int64_t>(std::time(nullptr)))) {
    return usage();
  }
  return cli::run_program("arbitron", [&line]() -> Result<int> {
    CYR_TRY(auto config, cli::start_program(line.common, "arbitron"));
    cli::install_stop_handlers();
    line.run.json = line.common.json;
    CYR_TRY(const int status,
            recon::run_arbitron(std::make_shared<const conf::Config>(std::move(config)), line.run));
    return line.common.compat_exit ? cli::exit_ok : status;
  });
}

// ctl_cyrusdb: upkeep of a server's databases, at its start and from time to time (ctl_cyrusdb.8,
// tools.md 5.3).
#include <fmt/format.h>

#include <ctime>

#include "format/base/log.h"
#include "format/cli/app.h"
#include "format/cli/printer.h"
#include "format/store/database_upkeep.h"

namespace {

using namespace cyr;

constexpr const char* program = "ctl_cyrusdb";
constexpr int usage_status = 255;  // as the real one

struct Arguments {
  cli::CommonOptions common;
  bool recover = false;
  bool no_cleanup = false;
  bool checkpoint = false;
  bool mend = false;
  bool dry_run = false;
};

void add_options(CLI::App& app, Arguments& arguments) {
  cli::add_common_options(app, arguments.common);
  app.add_flag("-r,--recover", arguments.recover,
               "at the start of the server: recover, and convert to what is configured");
  app.add_flag("-x,--no-cleanup", arguments.no_cleanup, "with -r: leave the mailbox list as it is");
  app.add_flag("-c,--checkpoint", arguments.checkpoint, "copy the databases to db.backup1");
  app.add_flag("-m,--mend", arguments.mend, "clear away what dead writers left, and nothing else");
  app.add_flag("-n,--dry-run", arguments.dry_run, "change nothing, say what would be done");
}

int usage() {
  std::fputs(
      "ctl_cyrusdb [-C <altconfig>] -c\n"
      "ctl_cyrusdb [-C <altconfig>] -r [-x]\n"
      "ctl_cyrusdb [-C <altconfig>] -m\n",
      stderr);
  return usage_status;
}

Result<int> run(const Arguments& arguments) {
  CYR_TRY(conf::Config config, cli::start_program(arguments.common, program));
  Io& io = arguments.dry_run ? read_only_io() : posix_io();
  CYR_TRY(const auto store, store::Store::open(io, std::make_shared<const conf::Config>(std::move(config))));
  const bool talk = arguments.common.verbose > 0 || arguments.dry_run;
  int trouble = 0;
  const store::UpkeepReport report = [&](const store::Upkeep& done) {
    const bool bad = store::is_trouble(done.what);
    trouble += bad ? 1 : 0;
    const std::string line = done.text.find(done.path.string()) == std::string::npos
                                 ? done.path.string() + ": " + done.text
                                 : done.text;
    log(bad ? LogLevel::error : LogLevel::notice, "{}", line);
    if (arguments.common.json) {
      cli::JsonLine json;
      json.add("event", store::name_of(done.what)).add("path", done.path.string()).add("text", done.text);
      json.add("dry_run", arguments.dry_run);
      json.print();
    } else if (bad) {
      cli::print_warning(program, line);
    } else if (talk) {
      std::fputs((line + "\n").c_str(), stdout);
    }
  };
  if (arguments.recover) {
    const auto now = static_cast<std::uint32_t>(std::time(nullptr));
    CYR_CHECK(store::recover_databases(*store, !arguments.no_cleanup, now, report));
  } else if (arguments.checkpoint) {
    CYR_CHECK(store::checkpoint_databases(*store, report));
  } else {
    CYR_CHECK(store::mend_databases(*store, report));
  }
  return trouble == 0 || arguments.common.compat_exit ? cli::exit_ok : cli::exit_failed;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("recovers, converts and copies the databases of a server", program);
  Arguments arguments;
  add_options(app, arguments);
  if (const auto done = cli::parse_command_line(app, argc, argv, usage_status)) {
    return *done;
  }
  if (int{arguments.recover} + int{arguments.checkpoint} + int{arguments.mend} != 1 ||
      (arguments.no_cleanup && !arguments.recover)) {
    return usage();
  }
  return cli::run_program(program, [&] { return run(arguments); });
}

// mbpath: prints where the files of a mailbox and its owner lie (tools.md 6.2). It only reads mailboxes.db;
// no path that it prints needs to exist.
#include <fmt/core.h>

#include <cstdio>

#include "format/base/text.h"
#include "format/cli/app.h"
#include "recon/mbpath_locate.h"

namespace {

using namespace cyr;
using namespace cyr::mbpath;

enum class Show : std::uint8_t { data, archive, meta, sieve, user, all, json };

struct Selector {
  const char* flags;
  Show show;
  const char* help;
};
constexpr Selector selectors[] = {
    {"-a,--all", Show::all, "all of the below, each after its name"},
    {"-A,--archive", Show::archive, "directory of the archived messages"},
    {"-D,--data", Show::data, "directory of the messages (default)"},
    {"-M,-m,--meta,--metadata", Show::meta, "directory of the metadata files"},
    {"-S,--sieve", Show::sieve, "directory of the user's sieve scripts"},
    {"-U,--user-files", Show::user, "directory of the user's own files (seen, sub ...)"},
    {"-j,--json", Show::json, "everything as a JSON object"},
};

struct CommandLine {
  cli::CommonOptions common;
  Show show = Show::data;
  std::size_t selected = 0;
  Reading reading = Reading::name;
  bool local_only = false;
  bool quiet = false;
  bool stop = false;
  std::vector<std::string> arguments;
};

void declare_options(CLI::App& app, CommandLine& line) {
  cli::add_common_options(app, line.common, {.json = false, .verbose = false});
  for (const Selector& selector : selectors) {
    app.add_flag_callback(
        selector.flags,
        [&line, show = selector.show] {
          line.show = show == Show::json || line.show != Show::json ? show : line.show;
          line.selected += show == Show::json ? 0 : 1;
        },
        selector.help);
  }
  const auto reading = [&](const char* flags, Reading value, const char* help) {
    return app.add_flag_callback(
        flags, [&line, value] { line.reading = value; }, help);
  };
  auto* user = reading("-u,--userids", Reading::user, "the arguments are user ids");
  auto* path = reading("-p,--paths", Reading::path, "the arguments are paths of mailbox directories");
  auto* utf7 =
      reading("-7,--utf7", Reading::mutf7, "names are modified UTF-7 even where they could be UTF-8");
  user->excludes(path);
  utf7->excludes(path);
  utf7->excludes(user);
  app.add_flag("-l,--local-only", line.local_only, "a mailbox on another server is an error");
  app.add_flag("-q,--quiet", line.quiet, "say nothing about names that are no mailbox");
  app.add_flag("-s,--stop", line.stop, "stop at the first name that is no mailbox");
  app.add_option("mailbox", line.arguments, "names as an administrator writes them")->type_name("MAILBOX");
}

void print_line(std::string_view label, const fs::path& path) { fmt::print("{}{}\n", label, path.string()); }

void print(const Located& found, Show show) {
  if (found.is_remote()) {
    fmt::print("{}!{}\n", found.server, found.partition);
    return;
  }
  switch (show) {
    case Show::data:
      print_line("", found.data);
      break;
    case Show::archive:
      print_line("", found.archive);
      break;
    case Show::meta:
      print_line("", found.meta);
      break;
    case Show::sieve:
      print_line("", found.sieve);
      break;
    case Show::user:
      print_line("", found.user_directory);
      break;
    case Show::json:
      fmt::print("{}\n", to_json(found));
      break;
    case Show::all:
      print_line("Archive: ", found.archive);
      print_line("Data: ", found.data);
      print_line("Meta: ", found.meta);
      print_line("Sieve: ", found.sieve);
      print_line("User: ", found.user_directory);
      break;
  }
}

// What real Cyrus says, and only about names; other troubles are told as they are.
void complain(const CommandLine& line, const std::string& argument, const Error& error) {
  std::fflush(stdout);
  if (error.code == Errc::not_found || error.code == Errc::invalid) {
    if (!line.quiet) {
      fmt::print(stderr, "Invalid mailbox name: '{}'\n", printable(argument));
    }
    return;
  }
  cli::print_error("mbpath", error);
}

int status_of(const Error& error) {
  return error.code == Errc::not_found || error.code == Errc::invalid ? cli::exit_data : exit_status(error);
}

Result<int> run(const CommandLine& line) {
  CYR_TRY(conf::Config config, cli::start_program(line.common, "mbpath"));
  CYR_TRY(const auto store,
          store::Store::open(read_only_io(), std::make_shared<const conf::Config>(std::move(config))));
  Locator locator(*store);
  int first_failure = cli::exit_ok;
  int last = cli::exit_ok;
  for (const std::string& argument : line.arguments) {
    auto found = locator.locate(argument, line.reading);
    if (found && line.local_only && found->is_remote()) {
      found = make_error(Errc::not_found, "the mailbox is on another server");
    }
    last = found ? cli::exit_ok : status_of(found.error());
    if (found) {
      print(*found, line.show);
      continue;
    }
    complain(line, argument, found.error());
    first_failure = first_failure == cli::exit_ok ? last : first_failure;
    if (line.stop) {
      if (!line.quiet) {
        fmt::print(stderr, "fatal error: Error in processing mailbox. Stopping\n");
      }
      return last;
    }
  }
  // Real mbpath forgets every failure but that of the last name.
  return line.common.compat_exit ? last : first_failure;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("print the directories of mailboxes", "mbpath");
  CommandLine line;
  declare_options(app, line);
  if (const auto done = cyr::cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  if (line.selected > 1) {
    fmt::print(stderr, "mbpath: only one of -a, -A, -D, -M, -S and -U can be given\n");
    return cyr::cli::exit_usage;
  }
  return cyr::cli::run_program("mbpath", [&] { return run(line); });
}

// cvt_cyrusdb: a database from one backend to another (cvt_cyrusdb.8, tools.md 5.2).
#include <fmt/format.h>

#include "format/cli/app.h"
#include "format/cli/printer.h"
#include "format/db/convert.h"
#include "format/db/registry.h"
#include "quotatool/cvt_cyrusdb_all.h"
#include "quotatool/database_program.h"

namespace {

using namespace cyr;

constexpr int usage_status = 255;  // as the real one

struct Arguments {
  cli::CommonOptions common;
  fs::path from;
  std::string from_backend;
  fs::path to;
  std::string to_backend;
  bool dry_run = false;
  bool no_keep = false;
  bool no_replace = false;
  bool quiet = false;
  bool mbox_order = false;
  bool all = false;
  std::string all_to;
};

void add_options(CLI::App& app, Arguments& arguments) {
  cli::add_common_options(app, arguments.common, {.json = true, .verbose = true});
  app.add_flag("-n,--dry-run", arguments.dry_run, "read everything, write nothing");
  app.add_flag("-q,--quiet", arguments.quiet, "say nothing but errors");
  app.add_flag("-M,--improved-mboxlist-sort", arguments.mbox_order,
               "the new database gets mailbox sort order");
  app.add_flag("--no-keep", arguments.no_keep, "do not keep a replaced NEWDB as NEWDB.old");
  app.add_flag("--no-replace", arguments.no_replace, "refuse when NEWDB exists");
  CLI::Option* const all =
      app.add_flag("--all", arguments.all, "every database of the store of -C, to what it asks for");
  app.add_option("--to", arguments.all_to, "with --all: to this backend instead")->needs(all);
  app.add_option("OLDDB", arguments.from, "database to read; for quotalegacy the quota directory")
      ->excludes(all);
  app.add_option("OLDBACKEND", arguments.from_backend, "its backend, or auto: " + quotatool::backend_list());
  app.add_option("NEWDB", arguments.to, "database to write; may be OLDDB");
  app.add_option("NEWBACKEND", arguments.to_backend, "its backend");
}

void print_result(const Arguments& arguments, const db::Converted& done) {
  if (arguments.common.json) {
    cli::JsonLine line;
    line.add("from", arguments.from.string()).add("from_backend", db::name_of(done.from));
    line.add("to", arguments.to.string()).add("to_backend", db::name_of(done.to));
    line.add("records", done.records).add("dry_run", arguments.dry_run);
    line.add("kept", done.kept ? done.kept->string() : std::string());
    line.add("caution", done.caution);
    line.print();
    return;
  }
  if (!done.caution.empty()) {
    std::fputs(fmt::format("cvt_cyrusdb: {}: {}\n", arguments.from.string(), done.caution).c_str(), stderr);
  }
  if (arguments.quiet || arguments.common.compat_exit) {
    return;
  }
  std::fputs(
      fmt::format("{} records {}\n", done.records, arguments.dry_run ? "read, nothing written" : "converted")
          .c_str(),
      stdout);
  if (done.kept) {
    std::fputs(fmt::format("old {} kept as {}\n", arguments.to.string(), done.kept->string()).c_str(),
               stdout);
  }
}

Result<int> run_all(const Arguments& arguments) {
  quotatool::ConvertAll request;
  request.common = arguments.common;
  request.dry_run = arguments.dry_run;
  request.keep_old = !arguments.no_keep;
  request.quiet = arguments.quiet;
  if (!arguments.all_to.empty()) {
    CYR_TRY(request.to, quotatool::parse_backend(arguments.all_to));
    CYR_CHECK(request.to ? db::check_writable(*request.to, {}) : success());
  }
  return quotatool::convert_all(request);
}

Result<int> run(const Arguments& arguments) {
  CYR_TRY(const auto open_options, quotatool::start_database_program(arguments.common, "cvt_cyrusdb"));
  CYR_TRY(const auto from_kind, quotatool::parse_backend(arguments.from_backend));
  CYR_TRY(const auto to_kind, quotatool::parse_backend(arguments.to_backend));
  if (!to_kind) {
    return make_error(Errc::config, "auto is no backend for the new database");
  }
  CYR_CHECK(db::check_writable(*to_kind, arguments.to));
  if (!arguments.common.json && !arguments.quiet) {
    std::fputs(fmt::format("Converting from {} ({}) to {} ({})\n", arguments.from.string(),
                           arguments.from_backend, arguments.to.string(), arguments.to_backend)
                   .c_str(),
               stdout);
    std::fflush(stdout);
  }
  cli::install_stop_handlers();
  cli::Progress progress("cvt_cyrusdb", !arguments.quiet);
  db::ConvertOptions options;
  options.open = open_options;
  options.dry_run = arguments.dry_run;
  options.keep_old = !arguments.no_keep;
  options.replace = !arguments.no_replace;
  if (arguments.mbox_order) {
    options.open.order = db::Order::mbox;
  }
  options.progress = [&](std::uint64_t done) -> Status {
    if (cli::stop_requested()) {
      return make_error(Errc::cancelled, "stopped, nothing was changed");
    }
    progress.show(done, 0, "records");
    return success();
  };
  Io& io = arguments.dry_run ? read_only_io() : posix_io();
  const auto done = db::convert(io, arguments.from, from_kind, arguments.to, *to_kind, options);
  progress.clear();
  if (!done) {
    if (arguments.common.compat_exit) {
      // The words of the real one, with its numbers: -5 not found, -1 anything else.
      std::fputs(fmt::format("\nDBERROR: Conversion failed (r was {}). Check syslog for details.\n",
                             done.error().code == Errc::not_found ? -5 : -1)
                     .c_str(),
                 stdout);
      cli::print_error("cvt_cyrusdb", done.error());
      return cli::exit_ok;
    }
    return done.error();
  }
  print_result(arguments, *done);
  return cli::exit_ok;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("converts a database from one backend to another", "cvt_cyrusdb");
  Arguments arguments;
  add_options(app, arguments);
  if (const auto done = cli::parse_command_line(app, argc, argv, usage_status)) {
    return *done;
  }
  if (!arguments.all && arguments.to_backend.empty()) {
    std::fputs(
        "usage: cvt_cyrusdb [-C CONF] OLDDB OLDBACKEND NEWDB NEWBACKEND\n"
        "       cvt_cyrusdb [-C CONF] --all [--to BACKEND] [-n]\n",
        stderr);
    return usage_status;
  }
  return cli::run_program("cvt_cyrusdb", [&] { return arguments.all ? run_all(arguments) : run(arguments); });
}

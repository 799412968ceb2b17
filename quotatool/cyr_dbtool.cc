// cyr_dbtool: looks into and changes one database file (cyr_dbtool.8, tools.md 5.1).
#include "format/cli/app.h"
#include "quotatool/cyr_dbtool_actions.h"
#include "quotatool/database_program.h"

namespace {

using cyr::quotatool::DbtoolArguments;

constexpr int usage_status = 255;  // as the real one

void add_options(CLI::App& app, DbtoolArguments& arguments, bool& no_transaction) {
  app.add_flag("-n,--create", arguments.create, "make the database when it is missing");
  app.add_flag("-c,--convert", arguments.convert,
               "convert the file to BACKEND if it is of another one (old one kept)");
  app.add_flag("-M,--improved-mboxlist-sort", arguments.mbox_order, "a new database gets mailbox sort order");
  auto* const with =
      app.add_flag("-T,--use-transaction", arguments.one_transaction, "everything in one transaction");
  app.add_flag("-t,--no-transaction", no_transaction, "every change in its own transaction (default)")
      ->excludes(with);
  app.add_flag("-R,--readonly", arguments.read_only, "refuse every change");
  auto* const hex =
      app.add_flag("--hex", arguments.hex, "keys and values are hex digits, in input and output");
  app.add_flag("-b,--base64", arguments.base64, "keys and values are base64, in input and output")
      ->excludes(hex);
  app.add_option("FILE", arguments.file, "database file; for quotalegacy the quota directory")->required();
  app.add_option("BACKEND", arguments.backend, cyr::quotatool::backend_list() + ", or auto")->required();
  app.add_option(
         "ACTION", arguments.action,
         "show [PREFIX], get [KEY], set [KEY VALUE], delete [KEY], dump [LEVEL], consistent, repack, batch, "
         "check, "
         "stat, diff FILE [BACKEND], salvage; get, set and delete without KEY read lines KEY TAB VALUE from "
         "standard input")
      ->required();
  app.add_option("WORD", arguments.words, "what the action takes");
  app.footer("Keys and values may start with '-' after \"--\".");
}

void add_salvage_options(CLI::App& app, DbtoolArguments& arguments) {
  app.add_option("--out", arguments.out, "salvage: the new database; nothing may be there yet");
  app.add_option("--to", arguments.to, "salvage: its backend (default: that of FILE)");
  app.add_option("--report", arguments.report, "salvage: text (default) or json");
  app.add_flag("--include-uncommitted", arguments.include_uncommitted,
               "salvage: records of unfinished transactions too");
  app.add_flag("--dry-run", arguments.dry_run, "salvage: only the report");
  app.add_flag("--really", arguments.really, "damage: leave half a transaction behind, for tests");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("looks into and changes one database file", "cyr_dbtool");
  cyr::cli::CommonOptions common;
  DbtoolArguments arguments;
  bool no_transaction = false;
  cyr::cli::add_common_options(app, common, {.json = true, .verbose = false});
  add_options(app, arguments, no_transaction);
  add_salvage_options(app, arguments);
  if (const auto done = cyr::cli::parse_command_line(app, argc, argv, usage_status)) {
    return *done;
  }
  arguments.json = common.json;
  arguments.compat_exit = common.compat_exit;
  return cyr::cli::run_program("cyr_dbtool", [&]() -> cyr::Result<int> {
    CYR_TRY(const auto options, cyr::quotatool::start_database_program(common, "cyr_dbtool"));
    return cyr::quotatool::run_dbtool(arguments, options);
  });
}

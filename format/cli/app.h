// The command line of a program, on CLI11. Included by mains only.
//
//   CLI::App app("repair mailboxes", "reconstruct");
//   cli::CommonOptions common;
//   cli::add_common_options(app, common);
//   app.add_flag("-r", ...);
//   if (auto done = cli::parse_command_line(app, argc, argv)) return *done;
//   return cli::run_program("reconstruct", [&]() -> Result<int> { ... });
#pragma once

#include <CLI/CLI.hpp>
#include <optional>

#include "format/cli/common.h"

namespace cyr::cli {

struct WhichOptions {
  bool json = true;     // --json; a program with its own -j or -J adds that name itself
  bool verbose = true;  // -v
};

// -C FILE, --help, --version, --compat-exit and, as `which` says, --json and -v.
void add_common_options(CLI::App& app, CommonOptions& options, const WhichOptions& which = {});

// Parses. The exit status when the program should end now: 0 after --help or --version, `usage_status` after
// an error in the options, which is printed on stderr with the usage line. Options may stand in any order,
// short ones together
// ("-rn") and with their value attached ("-Cfile"); "--" ends them.
std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv, int usage_status = exit_usage);

}  // namespace cyr::cli

// Runs a program and keeps what it says: our own ones, tar, and the real Cyrus.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/path.h"

namespace cyr::test {

struct RunOptions {
  std::string input = {};                               // standard input; empty: like /dev/null
  fs::path directory = {};                              // where to run; empty: here
  std::map<std::string, std::string> environment = {};  // set in addition to our own
  bool merge = false;                                   // standard error goes to `out` too, in order
  int timeout_seconds = 300;                            // then the whole process group is killed
};

struct RunResult {
  int status = 0;  // exit status; 128 + signal for a signal; 127 when the program cannot be started
  bool timed_out = false;
  std::string out;
  std::string err;
};

// argv[0] is looked up in PATH when it has no slash. Throws std::system_error only when there is no process
// to be had.
[[nodiscard]] RunResult run_command(const std::vector<std::string>& argv, const RunOptions& options = {});

// A program of this build, BUILD/bin/NAME.
[[nodiscard]] std::string program(std::string_view name);

// run_command() of a program of this build.
[[nodiscard]] RunResult run_program(std::string_view name, std::vector<std::string> arguments,
                                    const RunOptions& options = {});

// For failure messages: the command line, status and both outputs.
[[nodiscard]] std::string describe(const std::vector<std::string>& argv, const RunResult& result);

}  // namespace cyr::test

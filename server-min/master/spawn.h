// Starting a program as a child of master.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/error.h"

namespace cyr::master {

struct Command {
  fs::path program;                // absolute
  std::vector<std::string> words;  // argv
};

// Where programs without a path are: beside master, in its libexec and bin, then where packages of Cyrus have
// theirs.
[[nodiscard]] std::vector<fs::path> program_directories();

// `cmd` of cyrus.conf. One that names an absent file by its path is looked for by its last part; and Debian's
// "/usr/sbin/cyrus NAME", a front that may not be installed, by NAME (cyr_NAME, ctl_NAME). Errc::not_found.
Result<Command> resolve_command(std::string_view text, const std::vector<fs::path>& directories);

struct ChildSettings {
  int status_fd = -1;                    // becomes descriptor 3; -1: none
  int listen_fd = -1;                    // becomes descriptor 4; -1: none
  int template_fd = -1;                  // becomes descriptor 5; -1: none
  int most_files = 0;                    // RLIMIT_NOFILE; 0: as it is
  std::vector<std::string> environment;  // NAME=VALUE, added to ours
  std::function<Status()> become_user;   // in the child, before the program starts
};

Result<::pid_t> spawn(const Command& command, const ChildSettings& settings);

}  // namespace cyr::master

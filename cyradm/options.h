// The command line of the program (tools.md 2.1).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cyradm/imap_client.h"
#include "cyradm/password.h"
#include "cyradm/session.h"
#include "cyradm/shell.h"

namespace cyr::cyradm {

struct ProgramOptions {
  std::string server;  // "": start unconnected
  ImapSettings imap;   // all but what is asked for while connecting
  PasswordOptions password;
  std::optional<LocalOptions> local;
  bool read_rc = true;
  std::string system_rc = "/etc/cyradmrc.pl";
  std::string user_rc;
  std::vector<std::string> commands;  // -e
  std::string script;                 // -f
  Settings settings;
  ShellOptions shell;
};

// The options, or the status to end with now.
struct ParsedOptions {
  std::optional<int> exit_status;
  ProgramOptions options;
};
ParsedOptions parse_options(int argc, char** argv);

}  // namespace cyr::cyradm

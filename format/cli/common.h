// What every program does the same way: find its configuration, become the store's user, open syslog, report
// errors, stop on a signal, and end with a sysexits status (tools.md 1). CLI11 is in app.h, for the mains
// only.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>

#include "format/conf/imapd_conf.h"

namespace cyr::cli {

// sysexits(3), as far as the programs use them.
enum ExitStatus : int {
  exit_ok = 0,
  exit_failed = 1,
  exit_usage = 64,
  exit_data = 65,
  exit_unavailable = 69,
  exit_software = 70,
  exit_os = 71,
  exit_cannot_create = 73,
  exit_io = 74,
  exit_temporary = 75,
  exit_permission = 77,
  exit_config = 78,
};

// Filled by add_common_options (app.h).
struct CommonOptions {
  std::string config_file = "/etc/imapd.conf";
  bool compat_exit = false;  // --compat-exit or CYRKIT_COMPAT_EXIT=1: exit status as real Cyrus has it
  bool json = false;
  int verbose = 0;  // how many -v
};

// Runs `body`, prints an Error as "NAME: path: what" and "NAME: hint: ..." on stderr, and gives the exit
// status: that of the body, that of the error, 70 for an exception. The last line of every main.
int run_program(std::string_view name, const std::function<Result<int>()>& body) noexcept;

// The lines run_program prints for an error.
void print_error(std::string_view name, const Error& error);
void print_warning(std::string_view name, std::string_view text);

// Reads the configuration, becomes the store's user when started as root, sets the umask, opens syslog as
// `ident`. `change_user` false: stays root (for programs that must).
Result<conf::Config> start_program(const CommonOptions& options, std::string_view ident,
                                   bool change_user = true);

// The steps of start_program, for programs that need them one by one.
Status become_store_user(const conf::Config& config);
void open_log(const conf::Config& config, std::string_view ident);
Status set_umask(const conf::Config& config);

// SIGINT, SIGTERM, SIGQUIT and SIGHUP set a flag; programs look at it between mailboxes. A second signal of
// the same kind ends the program at once.
void install_stop_handlers();
[[nodiscard]] const std::atomic<bool>& stop_requested();

}  // namespace cyr::cli

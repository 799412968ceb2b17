// How a program begins and ends: its errors, its log, its exit status (tools.md 1).
#include "format/cli/common.h"

#include <syslog.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "format/base/log.h"
#include "format/base/text.h"

namespace cyr::cli {
namespace {

void print_line(std::string_view line) {
  const std::string text = printable(line) + '\n';
  std::fflush(
      stdout);  // where both are one pipe, what was found comes before what is said of it, in whole lines
  std::fwrite(text.data(), 1, text.size(), stderr);
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets the environment
  return value != nullptr ? value : "";
}

// What was printed must have arrived: a full disk behind `quota >report` is an error.
int flush_output(std::string_view name, int status) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) {
    return status;
  }
  print_line(std::string(name) + ": the output could not be written");
  return status == exit_ok ? exit_io : status;
}

}  // namespace

void print_error(std::string_view name, const Error& error) {
  // Scripts look for the words of real Cyrus when the configuration is at fault.
  const bool fatal = error.code == Errc::config && error.path.empty();
  print_line((fatal ? "fatal error" : std::string(name)) + ": " + error.text());
  if (!error.hint.empty()) {
    print_line(std::string(name) + ": hint: " + error.hint);
  }
}

void print_warning(std::string_view name, std::string_view text) {
  print_line(std::string(name) + ": warning: " + std::string(text));
}

int run_program(std::string_view name, const std::function<Result<int>()>& body) noexcept {
  try {
    auto status = body();
    if (status) {
      return flush_output(name, *status);
    }
    std::fflush(stdout);
    print_error(name, status.error());
    return exit_status(status.error());
  } catch (const std::exception& exception) {
    print_line(std::string(name) + ": internal error: " + exception.what());
  } catch (...) {
    print_line(std::string(name) + ": internal error");
  }
  return exit_software;
}

void open_log(const conf::Config& config, std::string_view ident) {
  std::string prefix = environment("CYRUS_SYSLOG_PREFIX");
  if (prefix.empty()) {
    prefix = config.text(conf::Option::syslog_prefix);
  }
  const std::string_view facility = config.text(conf::Option::syslog_facility);
  log_to_syslog(prefix.empty() ? std::string(ident) : prefix + '/' + std::string(ident),
                facility.empty() ? "local6" : facility);
  ::setlogmask(config.is_on(conf::Option::debug) ? LOG_UPTO(LOG_DEBUG) : LOG_UPTO(LOG_INFO));
  for (const std::string& warning : config.warnings()) {
    log_line(LogLevel::warning, warning);
  }
}

Result<conf::Config> start_program(const CommonOptions& options, std::string_view ident, bool change_user) {
  CYR_TRY(conf::Config config,
          conf::Config::load(posix_io(), options.config_file,
                             {.ident = std::string(ident), .prefix = conf::prefix_from_environment()}));
  if (change_user) {
    CYR_CHECK(become_store_user(config));
  }
  CYR_CHECK(set_umask(config));
  open_log(config, ident);
  return config;
}

}  // namespace cyr::cli

// master: starts and keeps running what cyrus.conf says.
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/cli/app.h"
#include "server-min/master/master.h"

namespace {

using namespace cyr;

struct Arguments {
  cli::CommonOptions common;
  std::string services_file = "/etc/cyrus.conf";
  std::string pid_file;
  std::string log_file;
  bool daemon = false;
  bool keep_output = false;
  bool version = false;
  int backlog = 32;
  int janitor = 10;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return value != nullptr ? value : "";
}

// Root's is where init scripts look for it; anybody else's in his own configuration directory.
fs::path pid_file_of(const Arguments& arguments, const conf::Config& config) {
  if (!arguments.pid_file.empty()) {
    return arguments.pid_file;
  }
  if (const std::string given(config.text(conf::Option::master_pid_file)); !given.empty()) {
    return given;
  }
  return ::geteuid() == 0 ? fs::path("/run/cyrus-master.pid") : config.config_directory() / "master.pid";
}

// -L -: the log itself goes to standard error, that of our services, too.
void log_to_standard_error() {
  ::setenv("CYRKIT_LOG_STDERR", "1", 1);  // NOLINT(concurrency-mt-unsafe): for our services
  set_log_sink([](LogLevel /*level*/, std::string_view line) { fmt::print(stderr, "master: {}\n", line); });
}

Status redirect_output(const Arguments& arguments) {
  if (arguments.log_file == "-" || (arguments.keep_output && arguments.log_file.empty())) {
    return success();
  }
  const bool to_file = !arguments.log_file.empty();
  const fs::path target = to_file ? fs::path(arguments.log_file) : fs::path("/dev/null");
  CYR_TRY(const int fd, posix_io().open(target, {.write = true, .create = to_file}, 0600));
  if (to_file) {
    ::lseek(fd, 0, SEEK_END);
  }
  std::fflush(nullptr);
  ::dup2(fd, STDOUT_FILENO);
  ::dup2(fd, STDERR_FILENO);
  return fd > STDERR_FILENO ? posix_io().close(fd, target) : success();
}

// -d: the parent ends when the child tells it how the start went. The descriptor to tell it on, in the child.
Result<int> become_daemon() {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) != 0) {
    return system_error(errno, "cannot make a connection to the daemon");
  }
  const ::pid_t pid = ::fork();
  if (pid == -1) {
    return system_error(errno, "cannot fork");
  }
  if (pid > 0) {
    ::close(fds[1]);
    unsigned char status = cli::exit_os;  // it died without a word
    while (::read(fds[0], &status, 1) == -1 && errno == EINTR) {
    }
    ::_exit(status);
  }
  ::close(fds[0]);
  ::setsid();
  return fds[1];
}

void tell_parent(int fd, int status) {
  if (fd != -1) {
    const auto byte = static_cast<unsigned char>(status);
    (void)!::write(fd, &byte, 1);
    ::close(fd);
  }
}

Result<int> run(const Arguments& arguments) {
  const conf::LoadRequest request{.ident = "master", .prefix = conf::prefix_from_environment()};
  CYR_TRY(auto config, conf::Config::load(posix_io(), arguments.common.config_file, request));
  cli::open_log(config, "master");
  if (arguments.log_file == "-") {
    log_to_standard_error();
  }
  CYR_CHECK(cli::set_umask(config));
  int parent = -1;
  if (arguments.daemon) {
    CYR_TRY(parent, become_daemon());
  }
  const auto fail = [&](Error error, int status) -> Result<int> {
    log(LogLevel::error, "{}", error.text());
    cli::print_error("master", error);
    tell_parent(parent, status);
    return status;
  };
  auto pid_file = master::write_pid_file(pid_file_of(arguments, config));
  if (!pid_file) {
    return fail(pid_file.error(), cli::exit_os);
  }
  master::MasterOptions options;
  options.config_file = arguments.common.config_file;
  options.services_file = arguments.services_file;
  options.prefix = request.prefix;
  options.backlog = arguments.backlog;
  options.janitor_seconds = arguments.janitor;
  options.verbose = parse_number<int>(environment("CYRUS_VERBOSE")).value_or(0) + arguments.common.verbose;
  master::Master server(std::move(options), std::make_shared<const conf::Config>(std::move(config)));
  if (auto started = server.start(); !started) {
    const Error& error = started.error();
    return fail(error, error.code == Errc::locked ? static_cast<int>(cli::exit_os) : exit_status(error));
  }
  if (auto redirected = redirect_output(arguments); !redirected) {
    return fail(redirected.error(), cli::exit_os);
  }
  tell_parent(parent, 0);
  return server.run();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("start the services of cyrus.conf and keep them running", "master");
  Arguments arguments;
  cli::add_common_options(app, arguments.common, {.json = false});
  app.add_option("-M", arguments.services_file, "the services (/etc/cyrus.conf)");
  app.add_option("-p", arguments.pid_file, "pid file");
  app.add_option("-L", arguments.log_file,
                 "standard output and error go to this file; '-': the log to standard error");
  app.add_option("-l", arguments.backlog, "connections that may wait on a socket (32)")
      ->check(CLI::Range(1, 65535));
  app.add_option("-j", arguments.janitor, "seconds between two rounds of tidying (10)")
      ->check(CLI::Range(1, 3600));
  auto* const daemon = app.add_flag("-d", arguments.daemon, "go to the background once everything runs");
  app.add_flag("-D", arguments.keep_output, "keep standard output and error")->excludes(daemon);
  app.add_flag("-V", arguments.version, "print name and version");
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  if (arguments.version) {
    fmt::print("cyrkit {}\n", CYRKIT_VERSION);
    return 0;
  }
  return cli::run_program("master", [&] { return run(arguments); });
}

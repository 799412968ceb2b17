#include "server-min/master/spawn.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "format/base/io.h"
#include "format/base/log.h"
#include "format/base/text.h"

extern char** environ;  // NOLINT: POSIX

namespace cyr::master {
namespace {

constexpr int status_fd = 3;
constexpr int listen_fd = 4;
constexpr int template_fd = 5;
constexpr int exec_failed = 71;

bool is_program(const fs::path& path) { return ::access(path.c_str(), X_OK) == 0; }

std::optional<fs::path> find_program(const std::string& name, const std::vector<fs::path>& directories) {
  for (const auto& directory : directories) {
    if (is_program(directory / name)) {
      return directory / name;
    }
  }
  return {};
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : std::string(text) + " ") {
    if (!is_space(c)) {
      word += c;
    } else if (!word.empty()) {
      out.push_back(std::move(word));
      word.clear();
    }
  }
  return out;
}

// argv and envp: pointers into strings that live longer.
std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (auto& text : strings) {
    out.push_back(text.data());
  }
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment_with(const std::vector<std::string>& more) {
  std::vector<std::string> out;
  const auto name = [](std::string_view text) { return text.substr(0, text.find('=')); };
  for (char** at = environ; *at != nullptr; ++at) {
    bool replaced = false;
    for (const auto& other : more) {
      replaced = replaced || name(other) == name(*at);
    }
    if (!replaced) {
      out.emplace_back(*at);
    }
  }
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

// In the child. Ours are above 5 (see Master), so that no dup2 destroys the other.
void place_descriptor(int fd, int number) {
  if (fd != -1) {
    ::dup2(fd, number);
  } else {
    ::close(number);
  }
}

void reset_signals() {
  ::sigset_t none{};
  ::sigemptyset(&none);
  for (const int number : {SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGCHLD, SIGPIPE, SIGALRM}) {
    std::signal(number, SIG_DFL);
  }
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void limit_files(int most) {
  if (most > 0) {
    const auto value = static_cast<::rlim_t>(most);
    const ::rlimit limit{value, value};
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

}  // namespace

std::vector<fs::path> program_directories() {
  std::vector<fs::path> out;
  if (const auto self = posix_io().read_link("/proc/self/exe")) {
    const fs::path own = fs::path(*self).parent_path();
    out = {own, own.parent_path() / "libexec", own.parent_path() / "bin", own.parent_path() / "sbin"};
  }
  for (const char* other : {"/usr/lib/cyrus/bin", "/usr/lib/cyrus-imapd", "/usr/libexec/cyrus-imapd",
                            "/usr/cyrus/bin", "/usr/local/libexec", "/usr/sbin"}) {
    out.emplace_back(other);
  }
  return out;
}

Result<Command> resolve_command(std::string_view text, const std::vector<fs::path>& directories) {
  std::vector<std::string> words = words_of(text);
  if (words.empty()) {
    return make_error(Errc::config, "cmd is empty");
  }
  const std::string given = words.front();
  if (given.front() == '/' && is_program(given)) {
    return Command{given, std::move(words)};
  }
  std::vector<std::string> names = {fs::path(given).filename().string()};
  if (names.front() == "cyrus" && words.size() > 1) {
    words.erase(words.begin());
    names = {words.front(), "cyr_" + words.front(), "ctl_" + words.front()};
  }
  for (const auto& name : names) {
    if (auto found = find_program(name, directories)) {
      words.front() = found->string();
      return Command{std::move(*found), std::move(words)};
    }
  }
  return make_error(Errc::not_found, "there is no program " + printable(given));
}

Result<::pid_t> spawn(const Command& command, const ChildSettings& settings) {
  std::vector<std::string> words = command.words;
  std::vector<std::string> environment = environment_with(settings.environment);
  const std::vector<char*> argv = pointers(words);
  const std::vector<char*> envp = pointers(environment);
  const ::pid_t pid = ::fork();
  if (pid == -1) {
    return system_error(errno, "cannot fork");
  }
  if (pid > 0) {
    return pid;
  }
  // The child; this process has no threads.
  if (settings.become_user && !settings.become_user()) {
    ::_exit(exec_failed);
  }
  place_descriptor(settings.status_fd, status_fd);
  place_descriptor(settings.listen_fd, listen_fd);
  place_descriptor(settings.template_fd, template_fd);
  limit_files(settings.most_files);
  reset_signals();
  ::execve(command.program.c_str(), argv.data(), envp.data());
  log(LogLevel::error, "cannot execute {}: {}", command.program.string(), std::strerror(errno));  // NOLINT
  ::_exit(exec_failed);
}

}  // namespace cyr::master

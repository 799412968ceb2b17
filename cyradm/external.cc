#include "cyradm/external.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "format/base/text.h"

extern char** environ;

namespace cyr::cyradm {
namespace {

// What /bin/sh does itself and no program may stand for.
constexpr std::array<std::string_view, 30> shell_words = {
    "!",    "(",      "{",     ".",      ":",     "[",      "case",  "command", "echo",  "eval",
    "exec", "export", "false", "for",    "if",    "printf", "pwd",   "read",    "set",   "test",
    "trap", "true",   "type",  "ulimit", "umask", "unset",  "until", "wait",    "while", "times"};

bool in_path(const std::string& program) {
  if (program.find('/') != std::string::npos) {
    return ::access(program.c_str(), F_OK) == 0;
  }
  const char* path = std::getenv("PATH");
  for (const auto folder : split(path != nullptr ? path : "/usr/bin:/bin", ':')) {
    if (::access((std::string(folder) + "/" + program).c_str(), X_OK) == 0) {
      return true;
    }
  }
  return false;
}

// "NAME=value command" and the like are the shell's business, too.
bool shell_can_run(const std::string& word) {
  return std::find(shell_words.begin(), shell_words.end(), word) != shell_words.end() ||
         word.find_first_of("=|(`{") != std::string::npos || in_path(word);
}

class SpawnAttributes {
 public:
  SpawnAttributes() {
    ::posix_spawnattr_init(&attributes_);
    ::sigset_t none;
    ::sigemptyset(&none);
    ::sigset_t standard = none;
    ::sigaddset(&standard, SIGINT);
    ::sigaddset(&standard, SIGPIPE);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &standard);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }
  [[nodiscard]] const ::posix_spawnattr_t* get() const { return &attributes_; }

 private:
  ::posix_spawnattr_t attributes_{};
};

}  // namespace

Status run_external(const SimpleCommand& command) {
  const std::string& name = command.words.front();
  if (!shell_can_run(name)) {
    return make_error(Errc::not_found, name + ": " + std::strerror(ENOENT));
  }
  std::string shell = "sh";
  std::string flag = "-c";
  std::string text = command.source;
  const std::array<char*, 4> arguments = {shell.data(), flag.data(), text.data(), nullptr};
  const SpawnAttributes attributes;
  ::pid_t child = 0;
  if (const int code = ::posix_spawn(&child, "/bin/sh", nullptr, attributes.get(), arguments.data(), environ);
      code != 0) {
    return system_error(code, name);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) == -1 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return success();
  }
  return make_error(Errc::invalid, WIFEXITED(status)
                                       ? name + ": exit status " + std::to_string(WEXITSTATUS(status))
                                       : name + ": ended by signal " + std::to_string(WTERMSIG(status)));
}

}  // namespace cyr::cyradm

#include "tests/support/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <thread>
#include <utility>

namespace cyr::test {
namespace {

// An unnamed file in memory: the child writes as much as it likes and nobody has to drain a pipe.
class Scratch {
 public:
  explicit Scratch(const char* name) : fd_(::memfd_create(name, 0)) {
    if (fd_ < 0) {
      throw std::system_error(errno, std::generic_category(), "memfd_create");
    }
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { ::close(fd_); }
  [[nodiscard]] int fd() const { return fd_; }

  void fill(std::string_view text) const {
    while (!text.empty()) {
      const ::ssize_t written = ::write(fd_, text.data(), text.size());
      if (written < 0) {
        throw std::system_error(errno, std::generic_category(), "write");
      }
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    ::lseek(fd_, 0, SEEK_SET);
  }
  [[nodiscard]] std::string text() const {
    ::lseek(fd_, 0, SEEK_SET);
    std::string out;
    std::array<char, 65536> chunk{};
    for (::ssize_t got = 0; (got = ::read(fd_, chunk.data(), chunk.size())) > 0;) {
      out.append(chunk.data(), static_cast<std::size_t>(got));
    }
    return out;
  }

 private:
  int fd_;
};

struct Descriptors {
  int in;
  int out;
  int err;
};

[[noreturn]] void become(const std::vector<std::string>& argv, const RunOptions& options, Descriptors fds) {
  ::setpgid(0, 0);
  ::dup2(fds.in, 0);
  ::dup2(fds.out, 1);
  ::dup2(fds.err, 2);
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) {
    ::_exit(126);
  }
  for (const auto& [name, value] : options.environment) {
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  std::vector<char*> raw;
  for (const auto& word : argv) {
    raw.push_back(const_cast<char*>(
        word.c_str()));  // NOLINT(cppcoreguidelines-pro-type-const-cast): execvp's signature
  }
  raw.push_back(nullptr);
  ::execvp(raw[0], raw.data());
  ::_exit(127);
}

int exit_code(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

// Waits for the child; kills its process group when the time is up.
int wait_for(::pid_t child, int timeout_seconds, bool& timed_out) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(timeout_seconds);
  auto pause = std::chrono::microseconds(200);
  for (int status = 0;;) {
    const ::pid_t got = ::waitpid(child, &status, timed_out ? 0 : WNOHANG);
    if (got == child) {
      return exit_code(status);
    }
    if (got < 0 && errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "waitpid");
    }
    if (!timed_out && std::chrono::steady_clock::now() > deadline) {
      timed_out = true;
      ::kill(-child, SIGKILL);
      continue;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(10000));
  }
}

}  // namespace

RunResult run_command(const std::vector<std::string>& argv, const RunOptions& options) {
  const Scratch in("stdin");
  const Scratch out("stdout");
  const Scratch err("stderr");
  in.fill(options.input);
  const ::pid_t child = ::fork();
  if (child < 0) {
    throw std::system_error(errno, std::generic_category(), "fork");
  }
  if (child == 0) {
    become(argv, options, {in.fd(), out.fd(), options.merge ? out.fd() : err.fd()});
  }
  RunResult result;
  result.status = wait_for(child, options.timeout_seconds, result.timed_out);
  result.out = out.text();
  result.err = err.text();
  return result;
}

std::string program(std::string_view name) { return fmt::format("{}/bin/{}", CYRKIT_BINARY_DIR, name); }

RunResult run_program(std::string_view name, std::vector<std::string> arguments, const RunOptions& options) {
  arguments.insert(arguments.begin(), program(name));
  return run_command(arguments, options);
}

std::string describe(const std::vector<std::string>& argv, const RunResult& result) {
  return fmt::format("$ {}\n# exit {}{}\n--- stdout\n{}--- stderr\n{}", fmt::join(argv, " "), result.status,
                     result.timed_out ? " (timed out)" : "", result.out, result.err);
}

}  // namespace cyr::test

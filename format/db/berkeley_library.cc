#include "format/db/berkeley_library.h"

#include <db.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "format/base/file.h"

namespace cyr::db::berkeley {

namespace {

Errc code_of(int code) {
  switch (code) {
    case DB_LOCK_DEADLOCK:
    case DB_LOCK_NOTGRANTED:
      return Errc::locked;
    case DB_NOTFOUND:
      return Errc::not_found;
    case DB_KEYEXIST:
      return Errc::exists;
    case DB_OLD_VERSION:
    case DB_VERSION_MISMATCH:
      return Errc::unsupported;
    default:
      return Errc::corrupt;
  }
}

std::string hint_of(int code) {
  switch (code) {
    case DB_LOCK_DEADLOCK:
    case DB_LOCK_NOTGRANTED:
      return "another program holds these records; try again";
    case DB_VERSION_MISMATCH:
      return "the environment was made by another release of the library; stop the server and use that "
             "release's "
             "db_checkpoint first";
    case DB_RUNRECOVERY:
      return "the environment calls for recovery, which forgets what only its cache holds: convert the "
             "database first";
    default:
      return {};
  }
}

constexpr std::string_view error_file = "error";
constexpr int failed = 1;

Error error_of_child(const fs::path& scratch) {
  const auto text = posix_io().read_file(scratch / std::string(error_file));
  return corrupt(text ? std::string(text->text()) : std::string("the library gave up"));
}

// The exit status of the process, or nothing when it was killed after `seconds`.
std::optional<int> wait_for(::pid_t child, int seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  int status = 0;
  for (auto pause = std::chrono::milliseconds(1); ::waitpid(child, &status, WNOHANG) == 0;) {
    if (std::chrono::steady_clock::now() > end) {
      (void)::kill(child, SIGKILL);
      (void)::waitpid(child, &status, 0);
      return {};
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(50));
  }
  return status;
}

}  // namespace

Error library_error(int code, std::string what, const fs::path& path) {
  if (code > 0) {
    return system_error(code, std::move(what), path);
  }
  return make_error(code_of(code), fmt::format("Berkeley DB, {}: {}", what, ::db_strerror(code)))
      .at(path)
      .with_hint(hint_of(code));
}

Status run_apart(const fs::path& scratch, int seconds, const std::function<Status()>& work) {
  const ::pid_t child = ::fork();
  if (child == -1) {
    return system_error(errno, "no new process");
  }
  if (child == 0) {
    const Status done = work();
    if (!done) {
      (void)replace_file(posix_io(), scratch / std::string(error_file), as_bytes(done.error().text()));
    }
    ::_exit(done ? 0 : failed);
  }
  const auto status = wait_for(child, seconds);
  if (!status) {
    return corrupt(fmt::format("the library did not finish in {} seconds", seconds));
  }
  if (WIFSIGNALED(*status)) {
    return corrupt(fmt::format("the library stopped with signal {}", WTERMSIG(*status)));
  }
  return WEXITSTATUS(*status) == 0 ? success() : Status(error_of_child(scratch));
}

}  // namespace cyr::db::berkeley

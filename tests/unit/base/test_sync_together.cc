// Syncs at a time: all are done, whoever else asks for some, and also in a child of a process that had
// threads.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "format/base/sync_together.h"
#include "tests/support/check.h"

using namespace cyr;

namespace {

// `count` syncs, each of which waits a little, so that several threads get some.
Status some_syncs(std::size_t count, std::atomic<std::size_t>& done) {
  const std::vector<std::function<Status()>> syncs(count, [&done]() -> Status {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ++done;
    return success();
  });
  return sync_together(posix_io(), syncs);
}

}  // namespace

TEST_CASE("every sync is done once, by several callers at a time", "[base]") {
  std::atomic<std::size_t> done = 0;
  std::vector<std::thread> callers;
  for (std::size_t i = 0; i < 4; ++i) {
    callers.emplace_back([&done, i] {
      for (std::size_t count = 0; count < 12; ++count) {
        if (!some_syncs(count + i, done)) {
          done = 1000000;
        }
      }
    });
  }
  for (auto& caller : callers) {
    caller.join();
  }
  CHECK(done == 4 * 66 + 12 * (0 + 1 + 2 + 3));
}

TEST_CASE("all syncs are done although one fails, and the first error is told", "[base]") {
  std::atomic<int> done = 0;
  std::vector<std::function<Status()>> syncs;
  for (int i = 0; i < 6; ++i) {
    syncs.emplace_back([&done, i]() -> Status {
      ++done;
      return i == 2 || i == 4 ? Status(make_error(Errc::io, std::to_string(i))) : success();
    });
  }
  const Status result = sync_together(posix_io(), syncs);
  REQUIRE_FALSE(result);
  CHECK(result.error().what == "2");
  CHECK(done == 6);
}

#ifndef __SANITIZE_THREAD__  // which ends such a child
TEST_CASE("a child of a process whose threads sync has its own", "[base]") {
  std::atomic<std::size_t> done = 0;
  REQUIRE_OK(some_syncs(8, done));
  const ::pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);  // it must not wait for threads that it does not have
    std::atomic<std::size_t> mine = 0;
    ::_exit(some_syncs(8, mine) && mine == 8 ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}
#endif

TEST_CASE("signals are not for the threads that sync", "[base]") {
  static std::atomic<bool> elsewhere = false;
  static const std::thread::id here = std::this_thread::get_id();
  struct ::sigaction action {};
  struct ::sigaction before {};
  action.sa_handler = [](int) { elsewhere = elsewhere || std::this_thread::get_id() != here; };
  REQUIRE(::sigaction(SIGUSR1, &action, &before) == 0);
  std::atomic<std::size_t> done = 0;
  REQUIRE_OK(some_syncs(8, done));  // the threads are there and idle
  ::sigset_t one;
  ::sigset_t old;
  ::sigemptyset(&one);
  ::sigaddset(&one, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &one, &old);  // the kernel would rather take another thread now
  REQUIRE(::kill(::getpid(), SIGUSR1) == 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  CHECK_FALSE(elsewhere);
  REQUIRE(::sigaction(SIGUSR1, &before, nullptr) == 0);
}

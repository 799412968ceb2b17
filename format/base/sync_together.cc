// See sync_together.h.
#include "format/base/sync_together.h"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>

namespace cyr {

namespace {

constexpr std::size_t kMostThreads = 8;  // beside the caller's

Status first_error(const std::vector<Status>& results) {
  const auto found =
      std::find_if(results.begin(), results.end(), [](const Status& result) { return !result; });
  return found == results.end() ? success() : *found;
}

}  // namespace

Status sync_together(Io& io, const std::vector<std::function<Status()>>& syncs) {
  std::vector<Status> results(syncs.size(), success());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < syncs.size(); i = next++) {
      results[i] = syncs[i]();
    }
  };
  std::vector<std::thread> threads;
  if (&io == &posix_io() && syncs.size() > 1) {
    try {
      while (threads.size() < std::min(kMostThreads, syncs.size() - 1)) {
        threads.emplace_back(work);
      }
    } catch (const std::system_error&) {  // no more threads: this one does the rest
    }
  }
  work();
  for (auto& thread : threads) {
    thread.join();
  }
  return first_error(results);
}

}  // namespace cyr

// See sync_together.h.
#include "format/base/sync_together.h"

#include <pthread.h>  // pthread_atfork

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>

#include "format/base/signals_blocked.h"

namespace cyr {

namespace {

constexpr std::size_t kMostThreads = 8;   // beside the callers'
constexpr std::chrono::seconds kIdle{5};  // after which a thread ends

Status first_error(const std::vector<Status>& results) {
  const auto found =
      std::find_if(results.begin(), results.end(), [](const Status& result) { return !result; });
  return found == results.end() ? success() : *found;
}

// Threads that help for as long as there is work, since to start three of them for every delivery takes
// longer than what they do where the disk is quick.
class Helpers {
 public:
  // That of this process; a child of fork() has none of its parent's threads, and begins anew.
  static Helpers& get() {
    static const int registered = ::pthread_atfork(nullptr, nullptr, [] { current() = nullptr; });
    static std::mutex mutex;
    const std::lock_guard guard(mutex);
    if (current() == nullptr) {
      (void)registered;
      current() = new Helpers;  // never ends: its threads may outlive every destructor
    }
    return *current();
  }

  // Calls `work` in this thread and in up to `wanted` others at the same time, and waits for all of them.
  void run(std::size_t wanted, const std::function<void()>& work) {
    Job job{&work, wanted};
    std::list<Job*>::iterator place;
    {
      const std::lock_guard guard(mutex_);
      place = jobs_.insert(jobs_.end(), &job);
      start(wanted);
    }
    work_.notify_all();
    work();
    std::unique_lock lock(mutex_);
    jobs_.erase(place);
    done_.wait(lock, [&job] { return job.running == 0; });
  }

 private:
  struct Job {
    const std::function<void()>* work = nullptr;
    std::size_t wanted = 0;   // threads that may still begin
    std::size_t running = 0;  // threads that have begun
  };

  static Helpers*& current() {
    static Helpers* helpers = nullptr;
    return helpers;
  }

  void start(std::size_t wanted) {
    const SignalsBlocked blocked;
    try {
      for (; idle_ < wanted && threads_ < kMostThreads; ++threads_, ++idle_) {
        std::thread([this] { serve(); }).detach();
      }
    } catch (const std::system_error&) {  // no more threads: the caller does the rest
    }
  }

  Job* next_job() {
    const auto found =
        std::find_if(jobs_.begin(), jobs_.end(), [](const Job* job) { return job->wanted > 0; });
    return found == jobs_.end() ? nullptr : *found;
  }

  void serve() {
    std::unique_lock lock(mutex_);
    Job* job = nullptr;
    while (work_.wait_for(lock, kIdle, [&] { return (job = next_job()) != nullptr; })) {
      --job->wanted;
      ++job->running;
      --idle_;
      lock.unlock();
      (*job->work)();
      lock.lock();
      ++idle_;
      if (--job->running == 0) {
        done_.notify_all();
      }
    }
    --idle_;
    --threads_;
  }

  std::mutex mutex_;
  std::condition_variable work_, done_;
  std::list<Job*> jobs_;
  std::size_t threads_ = 0, idle_ = 0;
};

}  // namespace

Status sync_together(Io& io, const std::vector<std::function<Status()>>& syncs) {
  std::vector<Status> results(syncs.size(), success());
  std::atomic<std::size_t> next = 0;
  const std::function<void()> work = [&] {
    for (std::size_t i = next++; i < syncs.size(); i = next++) {
      results[i] = syncs[i]();
    }
  };
  if (&io == &posix_io() && syncs.size() > 1) {
    Helpers::get().run(std::min(kMostThreads, syncs.size() - 1), work);
  } else {
    work();
  }
  return first_error(results);
}

}  // namespace cyr

// Preloaded (LD_PRELOAD) into a server under test: every poll(2) ends after a small part of its time, and the
// monotonic clock, which deadlines are made of, runs faster by as much, so that a test sees what half an hour
// of silence does. CYRKIT_WAITS_DIVISOR says how much.
#include <dlfcn.h>
#include <poll.h>

#include <cstdlib>
#include <ctime>

namespace {

constexpr long kNanoseconds = 1'000'000'000;

int divisor() {
  const char* const text = std::getenv("CYRKIT_WAITS_DIVISOR");
  const int number = text != nullptr ? std::atoi(text) : 1;
  return number > 0 ? number : 1;
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

timespec real_time(clockid_t clock) {
  static const auto real = next<int (*)(clockid_t, timespec*)>("clock_gettime");
  timespec now{};
  real(clock, &now);
  return now;
}

long nanoseconds(const timespec& time) { return (time.tv_sec * kNanoseconds) + time.tv_nsec; }

// Since the first look at it the clock runs so much faster.
timespec faster(const timespec& now) {
  static const long start = nanoseconds(now);
  const long then = start + ((nanoseconds(now) - start) * divisor());
  return {then / kNanoseconds, then % kNanoseconds};
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) {
  const timespec now = real_time(clock);
  *time = clock == CLOCK_MONOTONIC ? faster(now) : now;
  return 0;
}

// A wait without end stays one, and a look without waiting too.
int poll(pollfd* list, nfds_t count, int milliseconds) {
  static const auto real = next<int (*)(pollfd*, nfds_t, int)>("poll");
  return real(list, count, milliseconds > 0 ? (milliseconds / divisor()) + 1 : milliseconds);
}

// What poll() is where the size of the array is known to the compiler.
int __poll_chk(pollfd* list, nfds_t count, int milliseconds, size_t /*size*/) {
  return poll(list, count, milliseconds);
}

}  // extern "C"

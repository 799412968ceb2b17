// Signals kept away from a piece of work, or from the threads that it starts.
#pragma once

#include <csignal>

namespace cyr {

// Blocks all signals in the calling thread while it lives. Threads that are started meanwhile have them
// blocked for good, so that a signal for the process wakes who waits for it, and not them.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    ::sigset_t all{};
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  ::sigset_t before_{};
};

}  // namespace cyr

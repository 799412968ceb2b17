// Stopping between mailboxes when a signal asks for it (tools.md 1.3). The flag is the one mutable global of
// the project: a signal handler can reach nothing else.
#include <signal.h>

#include "format/cli/common.h"

namespace cyr::cli {
namespace {

std::atomic<bool> stop_flag{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

extern "C" void on_stop_signal(int /*signal*/) { stop_flag.store(true, std::memory_order_relaxed); }

}  // namespace

void install_stop_handlers() {
  for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP}) {
    struct sigaction present {};
    // nohup(1) and shells that start us in the background ignore some of them for us; that stays.
    if (::sigaction(signal, nullptr, &present) == 0 && present.sa_handler == SIG_IGN) {
      continue;
    }
    struct sigaction action {};
    action.sa_handler = on_stop_signal;
    action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
    ::sigaction(signal, &action, nullptr);
  }
}

const std::atomic<bool>& stop_requested() { return stop_flag; }

}  // namespace cyr::cli

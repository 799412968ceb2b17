// Signals of a worker: HUP means that the present connection is the last one, TERM, INT and QUIT that it ends
// after the present command.
#pragma once

#include "format/base/error.h"

namespace cyr::session {

// Installs the handlers, and ignores SIGPIPE. Once per process, and again in one made by fork: what its
// parent was told does not hold for it.
Status install_signals();
// Readable from TERM, INT or QUIT on; for Connection::watch.
[[nodiscard]] int stop_descriptor();
[[nodiscard]] bool stop_requested();   // TERM, INT, QUIT
[[nodiscard]] bool last_connection();  // those, or HUP

// While a worker waits for a connection there is nothing to write out: then each of these signals ends the
// process at once, after this word to master. `fd` -1: not waiting.
struct LastWord {
  int fd = -1;
  const void* bytes = nullptr;
  unsigned size = 0;
};
void end_on_signal(const LastWord& word);
// Ends the process as such a signal would, in `seconds`; 0 takes that back. Only while waiting.
void end_after(unsigned seconds);

}  // namespace cyr::session

// A worker of master: one connection after another on the listening socket, and what master is told about it
// (server.md 1.3).
#pragma once

#include "server-min/session/service.h"

namespace cyr::session {

struct WorkerLimits {
  int uses = 250;         // connections; 0 counts as 1
  int idle_seconds = 60;  // an idle worker ends after this to twice as long; 0: never
};

// Descriptor 3 leads to master, descriptor 4 is the listening socket. The exit status.
Result<int> serve_connections(Service& service, const WorkerLimits& limits, const char* program_path);

// One session on standard input and output.
void serve_standard_io(Service& service);

}  // namespace cyr::session

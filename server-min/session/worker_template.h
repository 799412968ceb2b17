// The template of a service: makes workers when master asks for them (template_protocol.h).
#pragma once

#include "server-min/session/service.h"

namespace cyr::session {

// Master started this process as a template.
[[nodiscard]] bool is_template();

// Comes back in each worker, as a child of master; the template itself ends in here, when master does or when
// a file that it was made of has changed: the program, imapd.conf with what it includes, certificates and
// keys.
Status fork_workers(const Service& service, const char* program_path);

}  // namespace cyr::session

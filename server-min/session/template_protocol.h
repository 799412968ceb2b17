// What master and the template of a service say to each other, over a SOCK_SEQPACKET connection.
//
// A template is a program of ours that has started as a worker does, and then makes workers by fork instead
// of being one: they share the memory of the start (libraries put in place, configuration, SASL plug-ins),
// which a process of its own would have for each connection. Master sends one byte for each worker that it
// wants; one record comes back for each. The end of the connection means to master that another template is
// needed, to the template that it is not wanted any more.
#pragma once

#include <sys/types.h>

namespace cyr::session {

constexpr int kTemplateDescriptor = 5;                        // in the template
constexpr const char* kTemplateVariable = "CYRKIT_TEMPLATE";  // set: be one
constexpr char kForkRequest = 'f';

struct TemplateRecord {
  ::pid_t pid = -1;   // of the new worker, a child of master; -1: it could not be made
  int sys_errno = 0;  // then: why
};

}  // namespace cyr::session

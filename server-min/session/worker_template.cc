// A worker has to be a child of master, which waits for it and signals it. Master adopts orphans
// (PR_SET_CHILD_SUBREAPER), so the template forks a process that forks the worker and ends; the worker goes
// on only then.
#include "server-min/session/worker_template.h"

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "format/base/log.h"
#include "server-min/session/own_files.h"
#include "server-min/session/signals.h"
#include "server-min/session/template_protocol.h"

namespace cyr::session {

namespace {

using conf::Option;

constexpr std::array tls_files = {Option::tls_server_cert,    Option::tls_server_key,
                                  Option::tls_server_ca_file, Option::tls_client_ca_file,
                                  Option::tls_crl_file,       Option::tls_server_dhparam};

OwnFiles made_of(const Service& service, const char* program_path) {
  std::vector<fs::path> paths = service.config().files();
  paths.emplace_back(program_path);
  for (const Option option : tls_files) {
    for (const auto& word : service.config().words(option)) {
      paths.emplace_back(word);
    }
  }
  return OwnFiles(paths);
}

void tell(const TemplateRecord& record) {
  while (::send(kTemplateDescriptor, &record, sizeof record, MSG_NOSIGNAL) == -1 && errno == EINTR) {
  }
}

// False: master does not want workers of this process any more.
bool wait_for_request() {
  char request = 0;
  ::ssize_t count = 0;
  while ((count = ::recv(kTemplateDescriptor, &request, 1, 0)) == -1 && errno == EINTR) {
  }
  return count == 1 && request == kForkRequest;
}

// Until the process between has told master about this one and has ended.
void wait_for_end_of(std::array<int, 2> pipe) {
  ::close(pipe[1]);
  char byte = 0;
  while (::read(pipe[0], &byte, 1) == -1 && errno == EINTR) {
  }
  ::close(pipe[0]);
}

// In the process between. Comes back in the worker.
void fork_worker() {
  std::array<int, 2> pipe{};
  ::pid_t pid = -1;
  if (::pipe(pipe.data()) == 0) {
    pid = ::fork();
  }
  if (pid == 0) {
    wait_for_end_of(pipe);
    return;
  }
  tell({pid, pid == -1 ? errno : 0});
  ::_exit(0);
}

// What each worker would otherwise do again, and have in memory of its own: the modules of the C library for
// users and groups. A name that nobody has is asked of all of them.
void warm_up() {
  std::array<char, 1024> buffer{};
  ::passwd user{};
  ::passwd* found = nullptr;
  (void)::getpwnam_r("no such user", &user, buffer.data(), buffer.size(), &found);
  ::group group{};
  ::group* found_group = nullptr;
  (void)::getgrnam_r("no such group", &group, buffer.data(), buffer.size(), &found_group);
}

}  // namespace

bool is_template() {
  return std::getenv(kTemplateVariable) != nullptr;  // NOLINT(concurrency-mt-unsafe): one thread
}

Status fork_workers(const Service& service, const char* program_path) {
  warm_up();
  const OwnFiles files = made_of(service, program_path);
  end_on_signal({kTemplateDescriptor, "", 0});
  while (wait_for_request()) {
    if (files.changed()) {
      ::_exit(0);  // the request stays unanswered: master starts another template
    }
    const ::pid_t between = ::fork();
    if (between == 0) {
      fork_worker();
      ::close(kTemplateDescriptor);
      ::unsetenv(kTemplateVariable);  // NOLINT(concurrency-mt-unsafe): one thread
      return install_signals();
    }
    if (between == -1) {
      tell({-1, errno});
    }
    while (between > 0 && ::waitpid(between, nullptr, 0) == -1 && errno == EINTR) {
    }
  }
  ::_exit(0);
}

}  // namespace cyr::session

// Workers of our own programs come from a template, which forks them when asked
// (server-min/session/template_protocol.h); other programs are started anew for each.
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "format/base/log.h"
#include "server-min/master/master.h"
#include "server-min/session/template_protocol.h"

namespace cyr::master {

namespace {

constexpr std::array<std::string_view, 3> template_programs = {"imapd", "lmtpd", "pop3d"};

// A debugger wants the process that serves.
bool wants_debugger(const Command& command) {
  return std::find(command.words.begin(), command.words.end(), "-D") != command.words.end();
}

}  // namespace

// Only a program that lies beside this master is known to be ours.
bool Master::has_template(const Command& command) const {
  const std::string name = command.program.filename().string();
  return command.program.parent_path() == directories_.front() && !wants_debugger(command) &&
         std::find(template_programs.begin(), template_programs.end(), name) != template_programs.end();
}

Status Master::start_template(std::size_t index) {
  Instance& instance = *instances_[index];
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()) != 0) {
    return system_error(errno, "cannot make a connection to a template");
  }
  ChildSettings settings = worker_settings(instance);
  settings.template_fd = fds[1];
  settings.environment.push_back(std::string(session::kTemplateVariable) + "=1");
  auto pid = start_child(Kind::pattern, index, instance.command, instance.entry.name, std::move(settings));
  ::close(fds[1]);
  if (!pid) {
    ::close(fds[0]);
    return std::move(pid).error();
  }
  instance.template_fd = fds[0];
  instance.template_pid = *pid;
  return success();
}

// One more worker is on its way: it counts as ready from now on. A template that has just ended, as after
// HUP, is no failure: the next one is asked.
Status Master::ask_template(std::size_t index) {
  Instance& instance = *instances_[index];
  int number = 0;
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (instance.template_fd == -1) {
      CYR_CHECK(start_template(index));
    }
    if (::send(instance.template_fd, &session::kForkRequest, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) {
      ++instance.requested;
      return success();
    }
    number = errno;
    forget_template(instance);
  }
  return system_error(number, "cannot ask the template for a worker");
}

void Master::read_template(std::size_t index) {
  Instance& instance = *instances_[index];
  session::TemplateRecord record;
  while (instance.template_fd != -1) {
    const ::ssize_t count = ::recv(instance.template_fd, &record, sizeof record, MSG_DONTWAIT);
    if (count == -1 && errno == EINTR) {
      continue;
    }
    if (count == -1 && errno == EAGAIN) {
      return;
    }
    if (count != sizeof record) {
      forget_template(instance);
    } else {
      take_worker(index, record.pid, record.sys_errno);
    }
  }
}

void Master::read_templates() {
  for (std::size_t i = 0; i < instances_.size(); ++i) {
    read_template(i);
  }
}

void Master::take_worker(std::size_t index, ::pid_t pid, int number) {
  Instance& instance = *instances_[index];
  if (instance.requested == 0) {
    return;  // nobody asked for it
  }
  --instance.requested;
  if (pid <= 0) {
    --instance.ready;
    --instance.active;
    log(LogLevel::error, "service {}: cannot fork: {}", instance.name(), std::strerror(number));  // NOLINT
    instance.back_off.ended({}, true, Clock::now());
    return;
  }
  add_child(pid, Kind::worker, index, instance.command, instance.entry.name);
  if (const auto made_by = children_.find(instance.template_pid); made_by != children_.end()) {
    made_by->second.served = true;
  }
  if (stopping_) {
    ::kill(pid, SIGTERM);  // it was not there when the others were told
  }
}

// The template has ended or is not wanted any more; what was asked of it does not come.
void Master::forget_template(Instance& instance) {
  if (instance.template_fd != -1) {
    ::close(instance.template_fd);
  }
  instance.template_fd = -1;
  instance.template_pid = -1;
  instance.ready -= instance.requested;
  instance.active -= instance.requested;
  instance.requested = 0;
}

void Master::template_ended(const Child& child, ::pid_t pid, bool failed) {
  Instance& instance = *instances_[child.owner];
  const bool never_forked = !child.served;
  instance.back_off.ended(Clock::now() - child.started, failed && never_forked, Clock::now());
  if (instance.template_pid == pid) {
    forget_template(instance);
  }
}

// A program that is no template after all: it says itself that it is a worker.
void Master::template_is_worker(Child& child) {
  Instance& instance = *instances_[child.owner];
  log(LogLevel::warning, "service {}: {} does not know templates", instance.name(), child.program);
  instance.with_template = false;
  forget_template(instance);
  child.kind = Kind::worker;
  child.ready = true;
  ++instance.ready;
  ++instance.active;
}

}  // namespace cyr::master

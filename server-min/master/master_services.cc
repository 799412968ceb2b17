// From cyrus.conf to what runs: reading it at the start and after SIGHUP.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>

#include "format/base/log.h"
#include "server-min/master/master.h"

namespace cyr::master {

using conf::CyrusEntry;
using conf::CyrusSection;
using conf::Option;

Status Master::read_services(bool first) {
  CYR_TRY(const auto entries, conf::load_cyrus_conf(posix_io(), options_.services_file, options_.prefix));
  if (first) {
    CYR_CHECK(run_start_entries(entries));
  } else {
    drop_changed(entries);
  }
  for (const auto& entry : entries) {
    if (auto added = add_entry(entry, first); !added) {
      if (first && added.error().code == Errc::config) {
        return added;
      }
      log(LogLevel::error, "{} line {}: {}", options_.services_file.string(), entry.line,
          added.error().text());
    }
  }
  for (const auto& instance : instances_) {
    if (instance->gone) {
      instance->listener.reset();  // nobody took it
    }
  }
  return success();
}

Status Master::run_start_entries(const std::vector<CyrusEntry>& entries) {
  for (const auto& entry : entries) {
    if (entry.section != CyrusSection::start) {
      continue;
    }
    const auto command = resolve_command(entry.text("cmd"), directories_);
    if (!command && command.error().code == Errc::not_found) {
      log(LogLevel::error, "START {}: {}; left out", entry.name, command.error().text());
      continue;
    }
    CYR_CHECK(command);
    ChildSettings settings;
    settings.environment = environment("", 0, false);
    CYR_TRY(const ::pid_t pid, start_child(Kind::event, 0, *command, entry.name, settings));
    int status = 0;
    while (::waitpid(pid, &status, 0) == -1 && errno == EINTR) {
    }
    children_.erase(pid);
    if (status != 0) {
      return make_error(Errc::config,
                        fmt::format("can't run startup: '{}' ended with {} {}", entry.text("cmd"),
                                    WIFSIGNALED(status) ? "signal" : "status",
                                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)))
          .with_hint("its messages are in the log");
    }
  }
  return success();
}

Status Master::add_entry(const CyrusEntry& entry, bool first) {
  if (entry.section == CyrusSection::start) {
    return success();
  }
  if (entry.section == CyrusSection::services) {
    return add_service(entry, first);
  }
  CYR_TRY(Command command, resolve_command(entry.text("cmd"), directories_));
  if (entry.section == CyrusSection::daemon) {
    const bool known = std::any_of(daemons_.begin(), daemons_.end(), [&](const Daemon& other) {
      return !other.gone && other.entry.name == entry.name;
    });
    if (known) {
      return success();
    }
    Daemon daemon;
    daemon.entry = entry;
    daemon.command = std::move(command);
    daemon.wait = entry.is_on("wait", false);
    daemon.rate = ForkRate(entry.integer("maxforkrate", 10));
    daemons_.push_back(std::move(daemon));
    return success();
  }
  Event event{entry, std::move(command), 0};
  const std::int64_t now = std::time(nullptr);
  const auto at = parse_time_of_day(entry.text("at"));
  event.next = at ? next_at(*at, now) : now;
  events_.push_back(std::move(event));
  return success();
}

namespace {

bool same_address(const CyrusEntry& a, const CyrusEntry& b) {
  return a.name == b.name && a.text("listen") == b.text("listen") &&
         a.text("proto", "tcp") == b.text("proto", "tcp");
}

}  // namespace

// What is not in the file as it is running; first of all, since its addresses may be wanted by others now. A
// service that only changed keeps its sockets for take_listeners: workers that finish their sessions hold
// them, so nobody could open them anew.
void Master::drop_changed(const std::vector<CyrusEntry>& entries) {
  const auto stays = [&entries](const CyrusEntry& entry) {
    return std::any_of(entries.begin(), entries.end(), [&](const CyrusEntry& other) {
      return other.section == entry.section && other.name == entry.name && other.arguments == entry.arguments;
    });
  };
  for (const auto& instance : instances_) {
    instance->gone = true;  // keep_service takes it back
    const bool address_stays = std::any_of(entries.begin(), entries.end(), [&](const CyrusEntry& other) {
      return other.section == CyrusSection::services && same_address(other, instance->entry);
    });
    if (!address_stays) {
      instance->listener.reset();
    }
  }
  for (auto& daemon : daemons_) {
    if (!daemon.gone && !stays(daemon.entry)) {
      daemon.gone = true;
      if (daemon.pid != -1) {
        ::kill(daemon.pid, SIGTERM);
      }
    }
  }
  events_.clear();
}

// A service that is running as it should, after a reload.
bool Master::keep_service(const CyrusEntry& entry) {
  bool kept = false;
  for (const auto& instance : instances_) {
    if (instance->gone && instance->listener && instance->entry.name == entry.name &&
        instance->entry.arguments == entry.arguments) {
      instance->gone = false;
      kept = true;
    }
  }
  return kept;
}

Status Master::add_service(const CyrusEntry& entry, bool first) {
  const bool twice = std::any_of(instances_.begin(), instances_.end(), [&](const auto& other) {
    return !other->gone && other->entry.name == entry.name;
  });
  if (twice) {
    const std::string what = fmt::format("multiple entries for service '{}'", entry.name);
    if (first) {
      return make_error(Errc::config, what);
    }
    log(LogLevel::warning, "{}", what);
    return success();
  }
  if (keep_service(entry)) {
    return success();
  }
  CYR_TRY(const Command command, resolve_command(entry.text("cmd"), directories_));
  return add_instances(entry, command);
}

// Those of the same service before it was changed.
Listeners Master::take_listeners(const CyrusEntry& entry) {
  Listeners out;
  for (const auto& instance : instances_) {
    if (instance->gone && instance->listener && same_address(instance->entry, entry)) {
      out.sockets.push_back(std::move(*std::exchange(instance->listener, std::nullopt)));
    }
  }
  return out;
}

Status Master::add_instances(const CyrusEntry& entry, const Command& command) {
  Listeners listeners = take_listeners(entry);
  if (listeners.sockets.empty()) {
    CYR_TRY(const ListenAddress address, parse_listen(entry.text("listen")));
    CYR_TRY(listeners, open_listeners(address, entry.text("proto", "tcp"), options_.backlog));
  }
  for (const auto& problem : listeners.problems) {
    if (config_->is_on(Option::master_bind_errors_fatal)) {
      return make_error(Errc::config, fmt::format("service {}: {}", entry.name, problem.text()));
    }
    log(LogLevel::error, "service {}: {}", entry.name, problem.text());
  }
  int id = 0;
  for (auto& listener : listeners.sockets) {
    auto instance = std::make_unique<Instance>();
    instance->entry = entry;
    instance->command = command;
    instance->id = id++;
    instance->with_template = has_template(command) && !listener.is_datagram();
    instance->babysit = entry.is_on("babysit", false);
    instance->prefork = std::max(entry.integer("prefork", 0), instance->babysit ? 1 : 0);
    instance->most_children = listener.is_datagram() ? 1 : entry.integer("maxchild", -1);
    instance->rate = ForkRate(entry.integer("maxforkrate", instance->babysit ? 10 : 0));
    instance->family = listener.family();
    instance->listener = std::move(listener);
    CYR_CHECK(open_status_connection(*instance));
    instances_.push_back(std::move(instance));
  }
  return success();
}

Status Master::open_status_connection(Instance& instance) const {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) != 0) {
    return system_error(errno, "cannot make a status connection");
  }
  instance.status_read = fds[0];
  instance.status_write = fds[1];
  return success();
}

// Starts it and waits for the words "ok" on its descriptor 3.
Status Master::wait_for_daemon(std::size_t index) {
  Daemon& daemon = daemons_[index];
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) != 0) {
    return system_error(errno, "cannot make a connection to a daemon");
  }
  ChildSettings settings;
  settings.status_fd = fds[1];
  settings.environment = environment(daemon.entry.name, 0, true);
  const auto pid = start_child(Kind::daemon, index, daemon.command, daemon.entry.name, std::move(settings));
  ::close(fds[1]);
  std::string said;
  std::array<char, 64> buffer{};
  while (pid && said.find("\r\n") == std::string::npos) {
    const ::ssize_t count = ::read(fds[0], buffer.data(), buffer.size());
    if (count <= 0 && errno != EINTR) {
      break;
    }
    said.append(buffer.data(), static_cast<std::size_t>(std::max<::ssize_t>(count, 0)));
  }
  ::close(fds[0]);
  CYR_CHECK(pid);
  daemon.pid = *pid;
  return said == "ok\r\n"
             ? success()
             : Status(make_error(Errc::config, "daemon " + daemon.entry.name + " did not start"));
}

}  // namespace cyr::master

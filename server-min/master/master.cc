// The loop of master, and its children.
#include "server-min/master/master.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/cli/common.h"
#include "format/names/paths.h"

namespace cyr::master {
namespace {

using conf::Option;

constexpr auto patience = std::chrono::seconds(30);  // for children that were told to end
constexpr int lowest_descriptor = 6;                 // 3, 4 and 5 are the children's

struct StatusRecord {
  int message = 0;
  ::pid_t pid = 0;
};
enum Message : int { available = 1, unavailable = 2, connection = 3, connection_of_many = 4 };

::sigset_t handled_signals() {
  ::sigset_t set{};
  ::sigemptyset(&set);
  for (const int number : {SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGCHLD, SIGALRM}) {
    ::sigaddset(&set, number);
  }
  return set;
}

void close_fd(int& fd) {
  if (fd != -1) {
    ::close(fd);
    fd = -1;
  }
}

// So that no descriptor of ours is 3, 4 or 5: they are taken by /dev/null for good.
Status occupy_low_descriptors() {
  while (true) {
    CYR_TRY(const int fd, posix_io().open("/dev/null", {.write = true}, 0));
    if (fd >= lowest_descriptor) {
      return posix_io().close(fd, "/dev/null");
    }
  }
}

}  // namespace

Result<File> write_pid_file(const fs::path& path) {
  CYR_TRY(File file, File::open(posix_io(), path, {.write = true, .create = true}, 0644));
  if (auto held = file.lock(LockMode::exclusive, LockWait::try_once); !held) {
    return held.error().code == Errc::locked
               ? make_error(Errc::locked,
                            "cannot get exclusive lock on pidfile (is another master still running?)")
                     .at(path)
               : std::move(held).error();
  }
  const std::string text = fmt::format("{}\n", ::getpid());
  CYR_CHECK(file.truncate(0));
  CYR_CHECK(file.write(as_bytes(text), 0));
  CYR_CHECK(file.sync());
  return file;
}

Master::Master(MasterOptions options, std::shared_ptr<const conf::Config> config)
    : options_(std::move(options)), config_(std::move(config)), directories_(program_directories()) {}

Master::~Master() {
  for (const auto& instance : instances_) {
    close_instance(*instance);
  }
  close_fd(signal_fd_);
}

Status Master::open_signals() {
  CYR_CHECK(occupy_low_descriptors());
  std::signal(SIGPIPE, SIG_IGN);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // workers that a template forks
  const ::sigset_t set = handled_signals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  signal_fd_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  return signal_fd_ == -1 ? Status(system_error(errno, "cannot receive signals")) : success();
}

// Two masters on one configuration directory would stall each other's workers.
Status Master::hold_directory() {
  const fs::path path = config_->config_directory() / "socket" / "master.lock";
  CYR_CHECK(posix_io().make_directories(path.parent_path(), 0755));
  CYR_TRY(directory_lock_, File::open(posix_io(), path, {.write = true, .create = true}));
  auto held = directory_lock_.lock(LockMode::exclusive, LockWait::try_once);
  if (held || held.error().code != Errc::locked) {
    return held;
  }
  return make_error(Errc::locked, "another master runs on this configuration directory")
      .at(config_->config_directory())
      .with_hint("stop it first, or give this one a configdirectory of its own");
}

void Master::clean_proc_directory() const {
  const auto paths = names::Paths::from_config(*config_);
  const auto files =
      paths ? posix_io().list(paths->proc_directory()) : Result<std::vector<DirEntry>>(paths.error());
  if (!files) {
    return;
  }
  for (const auto& file : *files) {
    const auto pid = parse_number<::pid_t>(file.name.substr(0, file.name.find('.')));
    if (pid && *pid > 0 && ::kill(*pid, 0) == -1 && errno == ESRCH) {
      (void)posix_io().unlink(paths->proc_directory() / file.name);
    }
  }
}

Status Master::start() {
  CYR_CHECK(open_signals());
  CYR_CHECK(hold_directory());
  clean_proc_directory();
  CYR_CHECK(read_services(true));
  for (std::size_t i = 0; i < daemons_.size(); ++i) {
    if (daemons_[i].wait) {
      CYR_CHECK(wait_for_daemon(i));
    }
  }
  log(LogLevel::notice, "ready for work");
  return success();
}

void Master::close_instance(Instance& instance) const {
  instance.listener.reset();
  forget_template(instance);
  close_fd(instance.status_read);
  close_fd(instance.status_write);
}

std::vector<std::string> Master::environment(const std::string& service, int id, bool daemon) const {
  std::vector<std::string> out;
  if (!service.empty()) {
    out.push_back("CYRUS_SERVICE=" + service);
    out.push_back(fmt::format("CYRUS_ID={}", id));
  }
  if (daemon) {
    out.emplace_back("CYRUS_ISDAEMON=1");
  }
  if (options_.verbose > 0) {
    out.push_back(fmt::format("CYRUS_VERBOSE={}", options_.verbose));
  }
  return out;
}

Result<::pid_t> Master::start_child(Kind kind, std::size_t owner, const Command& command,
                                    const std::string& name, ChildSettings settings) {
  settings.become_user = [this] { return cli::become_store_user(*config_); };
  CYR_TRY(const ::pid_t pid, spawn(command, settings));
  add_child(pid, kind, owner, command, name);
  return pid;
}

void Master::add_child(::pid_t pid, Kind kind, std::size_t owner, const Command& command,
                       const std::string& name) {
  Child child;
  child.kind = kind;
  child.owner = owner;
  child.ready = kind == Kind::worker;
  child.started = Clock::now();
  child.name = name;
  child.program = command.program.string();
  children_[pid] = std::move(child);
}

ChildSettings Master::worker_settings(const Instance& instance) const {
  ChildSettings settings;
  settings.status_fd = instance.status_write;
  settings.listen_fd = instance.listener->fd();
  settings.most_files = instance.entry.integer("maxfds", 0);
  settings.environment = environment(instance.entry.name, instance.id, false);
  return settings;
}

Status Master::start_worker(std::size_t index) {
  const Instance& instance = *instances_[index];
  if (instance.with_template) {
    return ask_template(index);
  }
  CYR_CHECK(
      start_child(Kind::worker, index, instance.command, instance.entry.name, worker_settings(instance)));
  return success();
}

void Master::fork_worker(std::size_t index) {
  Instance& instance = *instances_[index];
  const Status started = start_worker(index);
  instance.rate.add(Clock::now());
  if (!started) {
    log(LogLevel::error, "service {}: {}", instance.name(), started.error().text());
    instance.back_off.ended({}, true, Clock::now());
    return;
  }
  ++instance.ready;
  ++instance.active;
}

void Master::fork_daemon(std::size_t index) {
  Daemon& daemon = daemons_[index];
  ChildSettings settings;
  settings.most_files = daemon.entry.integer("maxfds", 0);
  settings.environment = environment(daemon.entry.name, 0, true);
  const auto pid = start_child(Kind::daemon, index, daemon.command, daemon.entry.name, std::move(settings));
  daemon.rate.add(Clock::now());
  if (pid) {
    daemon.pid = *pid;
  } else {
    log(LogLevel::error, "daemon {}: {}", daemon.entry.name, pid.error().text());
  }
}

void Master::run_event(Event& event) {
  ChildSettings settings;
  settings.environment = environment("", 0, false);
  const auto pid = start_child(Kind::event, 0, event.command, event.entry.name, std::move(settings));
  if (!pid) {
    log(LogLevel::error, "event {}: {}", event.entry.name, pid.error().text());
  }
}

void Master::keep_preforked(Clock::time_point now) {
  for (std::size_t i = 0; i < instances_.size(); ++i) {
    Instance& instance = *instances_[i];
    while (instance.ready < instance.prefork && instance.may_fork(now)) {
      fork_worker(i);
    }
  }
  for (std::size_t i = 0; i < daemons_.size(); ++i) {
    Daemon& daemon = daemons_[i];
    if (daemon.pid == -1 && !daemon.gone && daemon.back_off.until() <= now && daemon.rate.next(now) <= now) {
      fork_daemon(i);
    }
  }
}

Clock::duration Master::do_what_is_due() {
  const auto now = Clock::now();
  for (const auto& instance : instances_) {
    if (instance->gone && instance->active == 0) {
      close_instance(*instance);
    }
  }
  keep_preforked(now);
  const std::int64_t seconds = std::time(nullptr);
  std::int64_t most = options_.janitor_seconds;
  std::vector<Event> later;
  for (auto& event : events_) {
    const bool due = event.next <= seconds;
    if (due) {
      run_event(event);
    }
    if (!due || event.schedule(seconds)) {
      most = std::min(most, std::max<std::int64_t>(event.next - seconds, 0));
      later.push_back(std::move(event));
    }
  }
  events_.swap(later);
  // Somebody may wait for the end of a fork limit.
  Clock::duration out = std::chrono::seconds(most);
  for (const auto& instance : instances_) {
    const bool wants = instance->ready < std::max(instance->prefork, 1) && !instance->gone;
    if (wants && !instance->may_fork(now)) {
      out = std::min<Clock::duration>(out, std::chrono::milliseconds(200));
    }
  }
  for (const auto& daemon : daemons_) {
    out = daemon.pid == -1 && !daemon.gone ? std::min<Clock::duration>(out, std::chrono::milliseconds(200))
                                           : out;
  }
  return out;
}

void Master::wait_for_something(Clock::duration most) {
  constexpr std::size_t each = 3;  // descriptors of an instance
  std::vector<::pollfd> list = {{signal_fd_, POLLIN, 0}};
  const auto now = Clock::now();
  for (const auto& instance : instances_) {
    list.push_back({instance->status_read, POLLIN, 0});
    const bool look = instance->ready == 0 && instance->listener && instance->may_fork(now);
    list.push_back({look ? instance->listener->fd() : -1, POLLIN, 0});
    list.push_back({instance->template_fd, POLLIN, 0});
  }
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(most).count();
  if (::poll(list.data(), list.size(), static_cast<int>(milliseconds)) <= 0) {
    return;
  }
  for (std::size_t i = 0; i < instances_.size(); ++i) {
    if (list[1 + each * i].revents != 0 || list[3 + each * i].revents != 0) {
      read_status(i);
    }
    if (list[2 + each * i].revents != 0 && instances_[i]->ready == 0) {
      fork_worker(i);
    }
  }
  if (list[0].revents != 0) {
    take_signals();
  }
}

void Master::read_status(std::size_t index) {
  read_template(index);  // who they are comes before what they say
  StatusRecord record;
  while (::recv(instances_[index]->status_read, &record, sizeof record, MSG_DONTWAIT) == sizeof record) {
    take_message(record.message, record.pid);
  }
}

void Master::take_message(int message, ::pid_t pid) {
  const auto found = children_.find(pid);
  if (found != children_.end() && found->second.kind == Kind::pattern) {
    template_is_worker(found->second);
  }
  if (found == children_.end() || found->second.kind != Kind::worker) {
    return;  // it ended meanwhile
  }
  Child& child = found->second;
  Instance& instance = *instances_[child.owner];
  if (message == available && !child.ready) {
    child.ready = true;
    ++instance.ready;
  } else if (message == unavailable && child.ready) {
    child.ready = false;
    --instance.ready;
  } else if (message == connection || message == connection_of_many) {
    child.served = true;
    ++instance.connections;
  }
}

void Master::take_signals() {
  ::signalfd_siginfo info{};
  while (::read(signal_fd_, &info, sizeof info) == sizeof info) {
    const int number = static_cast<int>(info.ssi_signo);
    if (number == SIGCHLD) {
      reap();
    } else if (number == SIGHUP) {
      reload_wanted_ = true;
    } else if (number != SIGALRM) {
      if (stopping_) {  // the second one: at once
        signal_children(SIGKILL, true);
      }
      stopping_ = true;
    }
  }
}

void Master::reap() {
  read_templates();  // none ends before master could know of it
  int status = 0;
  for (::pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    child_ended(pid, status);
  }
}

void Master::log_end(const Child& child, ::pid_t pid, int status) {
  const char* const type = child.kind == Kind::worker    ? "SERVICE"
                           : child.kind == Kind::pattern ? "TEMPLATE"
                           : child.kind == Kind::daemon  ? "DAEMON"
                                                         : "EVENT";
  const double age = std::chrono::duration<double>(Clock::now() - child.started).count();
  const std::string who = fmt::format("process type:{} name:{} path:{} age:{:.3f}s pid:{}", type, child.name,
                                      child.program, age, pid);
  if (WIFSIGNALED(status)) {
    log(LogLevel::warning, "{} signaled to death by signal {} ({})", who, WTERMSIG(status),
        ::strsignal(WTERMSIG(status)));  // NOLINT(concurrency-mt-unsafe)
  } else if (WEXITSTATUS(status) != 0) {
    log(LogLevel::warning, "{} exited, status {}", who, WEXITSTATUS(status));
  } else {
    log(LogLevel::debug, "{} exited normally", who);
  }
}

void Master::child_ended(::pid_t pid, int status) {
  const auto found = children_.find(pid);
  if (found == children_.end()) {
    return;
  }
  const Child child = found->second;
  const bool told = stopping_ && (WIFSIGNALED(status) || WEXITSTATUS(status) == EX_TEMPFAIL);
  const bool failed = status != 0 && !told;  // whoever was told to end may do so in his way
  log_end(child, pid, status);
  if (child.kind == Kind::worker) {
    read_status(child.owner);  // what it said before
    const bool ready = children_.at(pid).ready;
    Instance& instance = *instances_[child.owner];
    instance.active -= 1;
    instance.ready -= ready ? 1 : 0;
    instance.back_off.ended(Clock::now() - child.started, failed && !children_.at(pid).served, Clock::now());
    if (failed) {
      log(LogLevel::warning, "service {} pid {} in {} state: terminated abnormally", instance.name(), pid,
          ready ? "READY" : "BUSY");
    }
    if (instance.babysit && instance.active == 0 && !stopping_ && !instance.gone) {
      log(LogLevel::error, "lost all children for service: {}.  Applying babysitter.", instance.name());
    }
    if (const auto paths = names::Paths::from_config(*config_)) {
      (void)posix_io().unlink(paths->proc_directory() / std::to_string(pid));
    }
  } else if (child.kind == Kind::pattern) {
    template_ended(child, pid, failed);
  } else if (child.kind == Kind::daemon && child.owner < daemons_.size() &&
             daemons_[child.owner].pid == pid) {
    daemons_[child.owner].pid = -1;
    daemons_[child.owner].back_off.ended(Clock::now() - child.started, failed, Clock::now());
  }
  children_.erase(pid);
}

void Master::signal_children(int number, bool with_waited) const {
  for (const auto& [pid, child] : children_) {
    const bool waited =
        child.kind == Kind::daemon && child.owner < daemons_.size() && daemons_[child.owner].wait;
    if (with_waited || !waited) {
      ::kill(pid, number);
    }
  }
}

// START is not run again; DAEMON entries are restarted (a wait-daemon goes on).
void Master::reload() {
  reload_wanted_ = false;
  if (auto read = read_services(false); !read) {
    log(LogLevel::error, "cyrus.conf is not read again: {}", read.error().text());
    return;
  }
  signal_children(SIGHUP, false);
  log(LogLevel::notice, "Services reconfigured. {}", options_.services_file.string());
}

void Master::shut_down() {
  log(LogLevel::notice, "attempting clean shutdown on signal");
  for (const auto& instance : instances_) {
    instance->listener.reset();
    instance->gone = true;
  }
  signal_children(SIGTERM, false);
  const auto give_up = Clock::now() + patience;
  bool told_waited = false;
  bool killed = false;
  while (!children_.empty()) {
    const bool others = std::any_of(children_.begin(), children_.end(), [this](const auto& item) {
      return item.second.kind != Kind::daemon || !daemons_[item.second.owner].wait;
    });
    if (!others && !told_waited) {
      signal_children(SIGTERM, true);
      told_waited = true;
    }
    if (Clock::now() > give_up && !killed) {
      log(LogLevel::error, "{} processes did not end in time and are killed", children_.size());
      signal_children(SIGKILL, true);
      killed = true;
    }
    wait_for_something(std::chrono::milliseconds(500));
    reap();
  }
}

Result<int> Master::run() {
  const std::string ready_file(config_->text(Option::master_ready_file));
  if (!ready_file.empty()) {
    CYR_TRY(File file,
            File::open(posix_io(), ready_file, {.write = true, .create = true, .truncate = true}, 0644));
    CYR_CHECK(file.close());
  }
  while (!stopping_) {
    if (reload_wanted_) {
      reload();
    }
    wait_for_something(do_what_is_due());
  }
  if (!ready_file.empty()) {
    (void)posix_io().unlink(ready_file);
  }
  shut_down();
  return 0;
}

}  // namespace cyr::master

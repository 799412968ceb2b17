// The master process: starts what cyrus.conf says and keeps it running (server.md 1).
//
// It holds the listening sockets; workers accept on them and tell over a connection of each instance whether
// they are ready or busy. Master looks at a socket itself only while no worker is ready. Signals arrive as
// bytes of a signalfd, so that nothing happens between two steps of the loop.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/base/file.h"
#include "format/conf/imapd_conf.h"
#include "server-min/master/service_table.h"

namespace cyr::master {

struct MasterOptions {
  fs::path config_file = "/etc/imapd.conf";
  fs::path services_file = "/etc/cyrus.conf";
  std::string prefix = {};  // $CYRUS_PREFIX
  int backlog = 32;
  int janitor_seconds = 10;
  int verbose = 0;
  bool quiet_children = true;  // their standard output goes to /dev/null
};

class Master {
 public:
  Master(MasterOptions options, std::shared_ptr<const conf::Config> config);
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;
  ~Master();

  // START, the listeners, DAEMON entries that are waited for. An error ends the program; nothing runs then.
  Status start();
  // Until a signal ends it. The exit status.
  Result<int> run();

 private:
  enum class Kind : std::uint8_t { worker, daemon, event, pattern };  // pattern: a template of workers
  struct Child {
    Kind kind = Kind::worker;
    std::size_t owner = 0;  // index in instances_, daemons_
    bool ready = false;
    bool served = false;  // a connection at least; a template: made a worker at least
    Clock::time_point started{};
    std::string name;
    std::string program;
  };

  Status open_signals();
  Status hold_directory();
  Status read_services(bool first);
  Status add_entry(const conf::CyrusEntry& entry, bool first);
  Status add_service(const conf::CyrusEntry& entry, bool first);
  void drop_changed(const std::vector<conf::CyrusEntry>& entries);
  bool keep_service(const conf::CyrusEntry& entry);
  Listeners take_listeners(const conf::CyrusEntry& entry);
  Status add_instances(const conf::CyrusEntry& entry, const Command& command);
  Status open_status_connection(Instance& instance) const;
  void close_instance(Instance& instance) const;
  Status run_start_entries(const std::vector<conf::CyrusEntry>& entries);
  Status wait_for_daemon(std::size_t index);
  Result<::pid_t> start_child(Kind kind, std::size_t owner, const Command& command, const std::string& name,
                              ChildSettings settings);
  void add_child(::pid_t pid, Kind kind, std::size_t owner, const Command& command, const std::string& name);
  void fork_worker(std::size_t index);
  Status start_worker(std::size_t index);
  [[nodiscard]] ChildSettings worker_settings(const Instance& instance) const;
  [[nodiscard]] bool has_template(const Command& command) const;
  Status start_template(std::size_t index);
  Status ask_template(std::size_t index);
  void read_template(std::size_t index);
  void read_templates();
  void take_worker(std::size_t index, ::pid_t pid, int number);
  static void forget_template(Instance& instance);
  void template_ended(const Child& child, ::pid_t pid, bool failed);
  void template_is_worker(Child& child);
  void fork_daemon(std::size_t index);
  void run_event(Event& event);
  // Everything that is due. The time until which nothing is, at most a janitor interval.
  Clock::duration do_what_is_due();
  void keep_preforked(Clock::time_point now);
  void wait_for_something(Clock::duration most);
  void read_status(std::size_t index);
  void take_message(int message, ::pid_t pid);
  void take_signals();
  void reap();
  void child_ended(::pid_t pid, int status);
  static void log_end(const Child& child, ::pid_t pid, int status);
  void reload();
  void shut_down();
  void signal_children(int number, bool with_waited) const;
  void clean_proc_directory() const;
  [[nodiscard]] std::vector<std::string> environment(const std::string& service, int id, bool daemon) const;

  MasterOptions options_;
  std::shared_ptr<const conf::Config> config_;
  std::vector<fs::path> directories_;
  File directory_lock_;
  std::vector<std::unique_ptr<Instance>> instances_;  // indexes stay valid
  std::vector<Daemon> daemons_;
  std::vector<Event> events_;
  std::map<::pid_t, Child> children_;
  int signal_fd_ = -1;
  bool stopping_ = false;
  bool reload_wanted_ = false;
};

// A pid file, locked while it lives (server.md 1.1). Errc::locked when another master holds it.
Result<File> write_pid_file(const fs::path& path);

}  // namespace cyr::master

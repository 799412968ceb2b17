// What cyrus.conf asks for, made ready to run: one Instance per listening socket, one Daemon per DAEMON
// entry, one Event per EVENTS entry.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "format/conf/cyrus_conf.h"
#include "server-min/master/listener.h"
#include "server-min/master/spawn.h"

namespace cyr::master {

using Clock = std::chrono::steady_clock;

// Forks per second, an average that halves every second without one.
class ForkRate {
 public:
  explicit ForkRate(int most = 0) : most_(most) {}  // 0: no limit
  void add(Clock::time_point now);
  // When the next fork may be: `now`, or 0.4 s later.
  [[nodiscard]] Clock::time_point next(Clock::time_point now);

 private:
  void decay(Clock::time_point now);
  int most_;
  double rate_ = 0;
  Clock::time_point last_{};
};

// A program that ends with an error at once, again and again, is given more and more time: 1, 2, 4 ... 60 s.
class BackOff {
 public:
  // A child ended `age` after its start; `failed`: with an error and without having served anybody.
  void ended(Clock::duration age, bool failed, Clock::time_point now);
  [[nodiscard]] Clock::time_point until() const { return until_; }
  [[nodiscard]] int failures() const { return failures_; }

 private:
  int failures_ = 0;
  Clock::time_point until_{};
};

struct Instance {
  conf::CyrusEntry entry;
  Command command;
  std::optional<Listener> listener;
  std::string family;  // of it, also when it is closed
  int id = 0;          // CYRUS_ID
  int prefork = 0;
  int most_children = -1;  // -1: no limit
  bool babysit = false;
  ForkRate rate;
  BackOff back_off;
  int status_read = -1;   // our end of the status connection of its workers
  int status_write = -1;  // theirs
  int ready = 0;          // workers that can take a connection
  int active = 0;         // workers
  std::uint64_t connections = 0;
  bool with_template = false;  // its workers are made by one
  int template_fd = -1;        // our end of the connection to it; -1: it does not run
  ::pid_t template_pid = -1;
  int requested =
      0;  // workers that it was asked for and that are not there yet; they count in ready and active
  bool gone = false;  // not in cyrus.conf any more; kept until its last worker ended

  [[nodiscard]] std::string name() const {
    return entry.name + "/" + (listener ? listener->family() : "unix");
  }
  [[nodiscard]] bool may_fork(Clock::time_point now);
};

struct Daemon {
  conf::CyrusEntry entry;
  Command command;
  bool wait = false;
  bool gone = false;  // not in cyrus.conf any more
  ForkRate rate;
  BackOff back_off;
  ::pid_t pid = -1;
};

struct Event {
  conf::CyrusEntry entry;
  Command command;
  std::int64_t next = 0;  // seconds since 1970
  // Sets `next` after a run at `now`. False: it was the last one.
  bool schedule(std::int64_t now);
};

// "0430" -> seconds after midnight; nothing for what is no time of day.
[[nodiscard]] std::optional<int> parse_time_of_day(std::string_view text);
// The first moment after `now` at which it is that time of the day here; follows changes of the clock.
[[nodiscard]] std::int64_t next_at(int seconds_of_day, std::int64_t now);

}  // namespace cyr::master

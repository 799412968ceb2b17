#include "tests/crash/trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <stdexcept>

#include "format/base/text.h"
#include "tests/crash/fault_io.h"
#include "tests/support/crash_io.h"
#include "tests/support/temp_dir.h"

namespace cyr::test {

namespace {

bool contains_all(const std::set<std::string>& all, const std::set<std::string>& some) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

std::string first_missing(const std::set<std::string>& all, const std::set<std::string>& some) {
  for (const auto& line : some) {
    if (!all.contains(line)) {
      return line;
    }
  }
  return {};
}

class Trial {
 public:
  Trial(Subject& subject, std::size_t every) : subject_(subject), every_(every) {
    start_ = Disk::read(subject.root());
    old_ = look();
    if (const Status done = subject.run(io_); !done) {
      throw std::runtime_error(fmt::format("{}: {}", subject.name(), done.error().text()));
    }
    new_ = subject.look(io_);
    if (subject.after() == After::completed && !new_.problems.empty()) {
      throw std::runtime_error(fmt::format("{}: afterwards {}", subject.name(), new_.problems));
    }
  }

  // `ignored`: the sync that is left out, from 0; -1: none. The number of syncs.
  int crash(int ignored = -1) {
    start_.write(subject_.root());
    RecordingIo recording(io_, subject_.root());
    recording.leave_out("run");
    if (ignored >= 0) {
      recording.ignore_sync(ignored);
    }
    if (!subject_.run(recording)) {
      throw std::runtime_error("fails when it is recorded");
    }
    const std::size_t end = recording.steps().size();
    each_crash_state(
        recording, 0, [end](std::size_t n) { return n == end ? 1 : 0; },
        [&](const Disk& disk, std::size_t n, const std::string& lost) {
          const bool enough = ignored >= 0 && violations_ > 0;
          if (!enough) {
            disk.write(subject_.root());
            judge(n == end, fmt::format("after step {} of {} ({})", n, end, lost));
          }
        },
        every_);
    return recording.syncs();
  }

  // Leaves out one sync after the other: how many are missed, which shows what the proof is worth. Those that
  // a later sync of the same file makes up for, and those of which a reconstruct mends the lack, are not.
  void syncs() {
    int count = 1;
    int noticed = 0;
    quiet_ = true;
    for (int ignored = 0; ignored < count; ++ignored) {
      violations_ = 0;
      count = crash(ignored);
      noticed += violations_ > 0 ? 1 : 0;
    }
    noticed_ = noticed;
    violations_ = 0;
    std::printf("syncs    %-26s %3d syncs, %d of them noticed when left out\n", subject_.name().c_str(),
                count, noticed);
  }

  void faults() {
    for (const Fault fault : all_faults) {
      for (int n = 0; fault_at(fault, n); n += static_cast<int>(every_)) {
      }
    }
  }

  void print(const char* mode) const {
    std::printf("%-8s %-26s %7zu states: %6zu usable at once, %6zu after one more run , %4zu violations\n",
                mode, subject_.name().c_str(), states_, at_once_, repaired_, violations_);
    std::fflush(stdout);
  }
  [[nodiscard]] std::size_t states() const { return states_; }
  [[nodiscard]] std::size_t violations() const { return violations_; }
  [[nodiscard]] int noticed() const { return noticed_; }

 private:
  bool fault_at(Fault fault, int n) {
    start_.write(subject_.root());
    FaultIo faulty(io_, fault, n);
    std::optional<Error> error;
    try {
      if (const Status done = subject_.run(faulty); !done) {
        error = done.error();
      }
    } catch (const std::runtime_error& trouble) {  // the store itself does not open
      error = make_error(Errc::io, trouble.what());
    }
    const std::string where = fmt::format("{} at call {}", name_of(fault), n);
    if (error && error->text().empty()) {
      complain(where, "an error without words");
    }
    if (faulty.happened()) {
      judge(!error && subject_.promises(), where);
    }
    return faulty.happened();
  }

  Look look() const {
    try {
      return subject_.look(io_);
    } catch (const std::runtime_error& trouble) {
      return {{}, trouble.what()};
    }
  }
  std::string repair() {
    try {
      return subject_.repair(io_);
    } catch (const std::runtime_error& trouble) {
      return trouble.what();
    }
  }

  void judge(bool promised, const std::string& where) {
    ++states_;
    const Look seen = look();
    const bool is_new = seen.lines == new_.lines;
    const bool usable = seen.problems.empty() && (is_new || (!promised && seen.lines == old_.lines)) &&
                        subject_.after() != After::undone;
    if (usable && subject_.after() != After::completed) {
      ++at_once_;
      return;
    }
    if (promised && !is_new && subject_.after() == After::completed) {
      complain(where, "it was done and is not: " + compare(seen, true));
    }
    if (const std::string left = repair(); !left.empty()) {
      complain(where, "the run after it says: " + left);
      return;
    }
    const Look after = look();
    std::string wrong = after.problems.empty() ? compare(after, promised) : after.problems;
    ++(usable ? at_once_ : repaired_);
    if (!wrong.empty()) {
      complain(where, wrong + (seen.problems.empty() ? "" : " (before: " + seen.problems + ")"));
    }
  }

  [[nodiscard]] std::string compare(const Look& after, bool promised) const {
    if (subject_.after() != After::either || promised) {
      const auto& expected = subject_.after() == After::undone ? old_.lines : new_.lines;
      const std::string lost = first_missing(after.lines, expected);
      const std::string extra = first_missing(expected, after.lines);
      return (lost.empty() ? "" : "lost: " + lost + " ") + (extra.empty() ? "" : "added: " + extra);
    }
    std::set<std::string> both, any = old_.lines;
    std::set_intersection(old_.lines.begin(), old_.lines.end(), new_.lines.begin(), new_.lines.end(),
                          std::inserter(both, both.end()));
    any.insert(new_.lines.begin(), new_.lines.end());
    if (!contains_all(after.lines, both)) {
      return "lost: " + first_missing(after.lines, both);
    }
    if (!contains_all(any, after.lines)) {
      return "neither old nor new: " + first_missing(any, after.lines);
    }
    return messages_lost(after);
  }

  // Each message by its content, under its old or its new name, UID or flags: still there, and not alive more
  // often than before or after.
  [[nodiscard]] std::string messages_lost(const Look& after) const {
    const auto before = count(old_), later = count(new_), now = count(after);
    for (const auto& [guid, was] : before) {
      const Copies then = later.contains(guid) ? later.at(guid) : Copies();
      const Copies here = now.contains(guid) ? now.at(guid) : Copies();
      if (here.all < std::min(was.all, then.all) || here.alive > std::max(was.alive, then.alive)) {
        return fmt::format("message {} is there {} times, {} of them alive", guid, here.all, here.alive);
      }
    }
    return {};
  }

  struct Copies {
    std::size_t all = 0, alive = 0;
  };
  static std::map<std::string, Copies> count(const Look& look) {
    std::map<std::string, Copies> out;
    for (const auto& line : look.lines) {
      if (line.find(" UID ") != std::string::npos) {
        Copies& copies = out[line.substr(line.rfind(' ') + 1)];
        ++copies.all;
        copies.alive += line.find(" expunged ") == std::string::npos ? 1 : 0;
      }
    }
    return out;
  }

  void complain(const std::string& where, const std::string& wrong) {
    if (++violations_ <= 5 && !quiet_) {
      std::fprintf(stderr, "%s, %s: %s\n", subject_.name().c_str(), where.c_str(), wrong.c_str());
    }
  }

  Subject& subject_;
  std::size_t every_;
  mutable UnsyncedIo io_{posix_io()};
  Disk start_;
  Look old_, new_;
  bool quiet_ = false;
  int noticed_ = 0;
  std::size_t states_ = 0, at_once_ = 0, repaired_ = 0, violations_ = 0;
};

int run(const std::string& mode, std::size_t every, const std::vector<std::string>& names,
        const std::vector<NamedSubject>& subjects) {
  std::size_t states = 0, violations = 0;
  int noticed = 0;
  for (const auto& [name, make] : subjects) {
    if (!names.empty() && std::find(names.begin(), names.end(), name) == names.end()) {
      continue;
    }
    const auto subject = make();
    Trial trial(*subject, every);
    if (mode == "syncs") {
      trial.syncs();
      noticed += trial.noticed();
    } else {
      mode == "crash" ? void(trial.crash()) : trial.faults();
      trial.print(mode.c_str());
    }
    states += trial.states();
    violations += trial.violations();
  }
  std::printf("%-8s %-26s %7zu states, %zu violations\n", mode.c_str(), "all", states, violations);
  return violations == 0 && states > 0 && (mode != "syncs" || noticed > 0) ? 0 : 1;
}

}  // namespace

int run_trials(int argc, char** argv, const std::vector<NamedSubject>& subjects) {
  keep_temporary_files_in_memory();
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::string mode = words.empty() ? "" : words.front();
  std::size_t every = 1;
  std::vector<std::string> names;
  bool good = mode == "crash" || mode == "syncs" || mode == "faults";
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "--every" && i + 1 < words.size()) {
      every = parse_number<std::size_t>(words[++i]).value_or(0);
      good = good && every > 0;
    } else {
      names.push_back(words[i]);
    }
  }
  if (!good) {
    std::fprintf(stderr, "usage: %s crash|syncs|faults [--every N] [SCENARIO...]\n", argv[0]);
    return 64;
  }
  try {
    return run(mode, every, names, subjects);
  } catch (const std::exception& trouble) {
    std::fprintf(stderr, "%s\n", trouble.what());
    return 1;
  }
}

}  // namespace cyr::test

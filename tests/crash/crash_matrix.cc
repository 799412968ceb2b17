// Crash states of every backend and operation, and what is left after errors at every call.
//   crash_matrix crash BACKEND...    every disk that a crash could leave; a table of states and violations
//   crash_matrix syncs BACKEND...    the same with one sync left out at a time: violations must be found
//   crash_matrix faults BACKEND...   an error at every call of the Io: a clear one, and nothing lost
// Exit status 1 when anything is not as it should be.
#include <fmt/format.h>

#include <boost/filesystem/operations.hpp>
#include <cstdio>
#include <cstring>

#include "tests/crash/fault_io.h"
#include "tests/crash/scenarios.h"
#include "tests/support/crash_io.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace cyr;
using namespace cyr::test;

// What may be found after a crash: from step `from` on this content may be there, from `to` on it must.
struct Promise {
  std::size_t from = 0;
  std::size_t to = std::string::npos;
  Content content;
};

class CrashCase {
 public:
  CrashCase(db::Kind kind, const Scenario& scenario) : kind_(kind), scenario_(scenario) {}

  // `ignored`: the sync that is left out, counted from 0; -1: none.
  bool run(int ignored, bool stop_at_first) {
    const TempDir top;
    Subject subject(unsynced_, top.path(), kind_);
    scenario_.prepare(subject);
    subject.use(unsynced_);
    promises_.push_back({0, 0, subject.content()});
    RecordingIo recording(unsynced_, top.path());
    if (ignored >= 0) {
      recording.ignore_sync(ignored);
    }
    subject.watch({.starting =
                       [&](const Content& next) {
                         promises_.push_back({recording.steps().size(), std::string::npos, next});
                       },
                   .promised = [&] { promises_.back().to = recording.steps().size(); }});
    subject.use(recording);
    const bool starts_absent = recording.start().names.empty();
    if (const Status done = scenario_.run(subject); !done) {
      std::fprintf(stderr, "%s, %s: %s\n", std::string(db::name_of(kind_)).c_str(), scenario_.name,
                   done.error().text().c_str());
      return false;
    }
    syncs_ = recording.syncs();
    subject.use(unsynced_);
    const TempDir replay;
    const fs::path path = replay / subject.path().filename();
    const auto promise = [&](std::size_t n) { return last_promise(n) * 2 + (allowed(n).size() - 1); };
    states_ = each_crash_state(
        recording, 0, promise, [&](const Disk& disk, std::size_t n, const std::string& lost) {
          if (stop_at_first && violations_ > 0) {
            return;
          }
          disk.write(replay.path());
          const std::string wrong =
              verify(unsynced_, path, kind_, allowed(n), starts_absent && last_promise(n) == 0);
          if (!wrong.empty() && ++violations_ <= 3 && !stop_at_first) {
            std::fprintf(stderr, "%s, %s, after step %zu of %zu (%s): %s\n",
                         std::string(db::name_of(kind_)).c_str(), scenario_.name, n, recording.steps().size(),
                         lost.c_str(), wrong.c_str());
          }
        });
    return true;
  }

  [[nodiscard]] std::size_t states() const { return states_; }
  [[nodiscard]] std::size_t violations() const { return violations_; }
  [[nodiscard]] int syncs() const { return syncs_; }

 private:
  [[nodiscard]] std::size_t last_promise(std::size_t n) const {
    std::size_t last = 0;
    for (std::size_t i = 0; i < promises_.size(); ++i) {
      last = promises_[i].to <= n ? i : last;
    }
    return last;
  }
  [[nodiscard]] std::vector<Content> allowed(std::size_t n) const {
    const std::size_t last = last_promise(n);
    std::vector<Content> out = {promises_[last].content};
    if (last + 1 < promises_.size() && promises_[last + 1].from < n) {
      out.push_back(promises_[last + 1].content);
    }
    return out;
  }

  db::Kind kind_;
  const Scenario& scenario_;
  UnsyncedIo unsynced_{posix_io()};
  std::vector<Promise> promises_;
  std::size_t states_ = 0;
  std::size_t violations_ = 0;
  int syncs_ = 0;
};

std::vector<const Scenario*> scenarios_of(db::Kind kind) {
  std::vector<const Scenario*> out;
  for (const Scenario& scenario : scenarios()) {
    if (kind != db::Kind::quotalegacy || !scenario.files_only) {
      out.push_back(&scenario);
    }
  }
  return out;
}

bool crash(db::Kind kind) {
  bool good = true;
  std::size_t states = 0;
  std::size_t violations = 0;
  for (const Scenario* scenario : scenarios_of(kind)) {
    CrashCase one(kind, *scenario);
    good = one.run(-1, false) && good;
    std::printf("%-12s %-20s %8zu states %6zu violations\n", std::string(db::name_of(kind)).c_str(),
                scenario->name, one.states(), one.violations());
    states += one.states();
    violations += one.violations();
  }
  std::printf("%-12s %-20s %8zu states %6zu violations\n", std::string(db::name_of(kind)).c_str(), "all",
              states, violations);
  return good && violations == 0;
}

// Not every sync is needed for what is promised here (that of a directory after an unlink, say); but of every
// backend's transactions and replacements some are, and the proof above is worth nothing if it does not
// notice.
bool syncs(db::Kind kind) {
  int noticed = 0;
  int all = 0;
  for (const Scenario* scenario : scenarios_of(kind)) {
    const std::string_view name = scenario->name;
    if (name != "create" && name != "transaction" && name != "repack") {
      continue;
    }
    int count = 1;
    int here = 0;
    for (int ignored = 0; ignored < count; ++ignored) {
      CrashCase one(kind, *scenario);
      if (!one.run(ignored, true)) {
        return false;
      }
      count = one.syncs();
      here += one.violations() > 0 ? 1 : 0;
    }
    std::printf("%-12s %-20s %3d syncs, %d of them noticed when left out\n",
                std::string(db::name_of(kind)).c_str(), scenario->name, count, here);
    noticed += here;
    all += count;
    if (here == 0) {
      return false;
    }
  }
  return noticed > all / 3;
}

// ---- errors ----

class FaultCase {
 public:
  FaultCase(db::Kind kind, const Scenario& scenario) : kind_(kind), scenario_(scenario) {}

  // The fault at call `n`; false when there are no so many calls.
  bool run(Fault fault, int n) {
    const TempDir top;
    UnsyncedIo healthy(posix_io());
    FaultIo faulty(healthy, fault, n);
    Subject subject(healthy, top.path(), kind_);  // after the two, which it uses until its end
    scenario_.prepare(subject);
    subject.use(healthy);
    const bool absent = fs::is_empty(top.path());
    Content next = subject.content();
    subject.watch({.starting = [&](const Content& content) { next = content; }});
    subject.use(faulty);
    const Status done = scenario_.run(subject);
    const bool happened = faulty.happened();
    faulty.heal();
    ++runs_;
    if (!happened) {
      complain(fault, n, done ? "" : "fails without a fault: " + done.error().text());
      return false;
    }
    if (!done && (done.error().what.empty() || done.error().path.empty())) {
      complain(fault, n, "an error that does not say where: " + done.error().text());
    }
    if (done && fault != Fault::short_write) {
      ++absorbed_;
    }
    // The same program goes on with the same database.
    std::vector<Content> allowed = {subject.content()};
    if (!done && next != subject.content()) {
      allowed.push_back(next);  // an error after the point of no return
    }
    subject.use(healthy);
    complain(fault, n, left_over(top.path()));
    complain(fault, n, verify(healthy, subject.path(), kind_, allowed, absent));
    return true;
  }

  [[nodiscard]] int runs() const { return runs_; }
  [[nodiscard]] int absorbed() const { return absorbed_; }
  [[nodiscard]] int violations() const { return violations_; }

 private:
  static std::string left_over(const fs::path& top) {
    for (const auto& entry : fs::recursive_directory_iterator(top)) {
      if (entry.path().string().find(".NEW") != std::string::npos) {
        return entry.path().filename().string() + " was left behind";
      }
    }
    return {};
  }
  void complain(Fault fault, int n, const std::string& wrong) {
    if (!wrong.empty() && ++violations_ <= 3) {
      std::fprintf(stderr, "%s, %s, %s at call %d: %s\n", std::string(db::name_of(kind_)).c_str(),
                   scenario_.name, name_of(fault), n, wrong.c_str());
    }
  }

  db::Kind kind_;
  const Scenario& scenario_;
  int runs_ = 0;
  int absorbed_ = 0;
  int violations_ = 0;
};

bool faults(db::Kind kind) {
  bool good = true;
  for (const Scenario* scenario : scenarios_of(kind)) {
    FaultCase one(kind, *scenario);
    for (const Fault fault : all_faults) {
      for (int n = 0; one.run(fault, n); ++n) {
      }
    }
    std::printf("%-12s %-20s %6d faults %4d of no consequence %4d violations\n",
                std::string(db::name_of(kind)).c_str(), scenario->name, one.runs(), one.absorbed(),
                one.violations());
    good = good && one.violations() == 0;
  }
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  keep_temporary_files_in_memory();
  bool (*const mode)(db::Kind) = argc < 3                              ? nullptr
                                 : std::strcmp(argv[1], "crash") == 0  ? crash
                                 : std::strcmp(argv[1], "syncs") == 0  ? syncs
                                 : std::strcmp(argv[1], "faults") == 0 ? faults
                                                                       : nullptr;
  bool good = mode != nullptr;
  for (int i = 2; good && i < argc; ++i) {
    const auto kind = db::kind_from_name(argv[i]);
    if (!kind) {
      good = false;
      break;
    }
    good = mode(*kind) && good;
  }
  if (mode == nullptr) {
    std::fprintf(stderr, "usage: %s crash|syncs|faults BACKEND...\n", argv[0]);
    return 64;
  }
  return good ? 0 : 1;
}

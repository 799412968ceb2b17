// One operation whose interruption is tried: at every disk that a power loss in it could leave, and with an
// error of every call of the Io. Shared by mailbox_crash and store_crash.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "format/base/io.h"

namespace cyr::test {

// What must be there after an interruption and one more run.
enum class After : std::uint8_t {
  either,     // the old state or the new one; of an operation of several steps, every message of both
  repaired,   // the new state: the operation is the repair itself
  completed,  // the new state, also when the old one is as good: the operation is asked for once more
  undone,     // the old state: what the operation brings back is damage, which the repair mends again
};

// One line a message, with what a client sees of it and whether it is expunged, one a mailbox, and what else
// the operation could lose.
struct Look {
  std::set<std::string> lines;
  std::string problems;  // a mailbox that does not open, a message that is gone or torn; empty: none
};

// The operation, on a store of its own. What is called may throw std::runtime_error.
class Subject {
 public:
  Subject() = default;
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;
  virtual ~Subject() = default;

  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual After after() const = 0;
  [[nodiscard]] virtual fs::path root() const = 0;  // everything that is interrupted lies below
  virtual Status run(Io& io) = 0;
  // Whether a run that gave no error has done everything. Not one that always has damage left to tell of.
  [[nodiscard]] virtual bool promises() const { return true; }
  [[nodiscard]] virtual Look look(Io& io) const = 0;
  // The run that an administrator makes after the interruption; what is still wrong, empty when nothing.
  virtual std::string repair(Io& io) = 0;
};
using NamedSubject = std::pair<std::string, std::function<std::unique_ptr<Subject>()>>;

//   PROGRAM crash|faults [--every N] [SUBJECT...]    every N-th state or call only
//   PROGRAM syncs SUBJECT...                         with one sync left out at a time: that must be noticed
//
// Prints a table: states that were tried, those that can be used at once, those that needed one more run,
// violations. The exit status: 1 when there is any violation.
int run_trials(int argc, char** argv, const std::vector<NamedSubject>& subjects);

}  // namespace cyr::test

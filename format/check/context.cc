#include "format/check/context.h"

#include <algorithm>

namespace cyr::check {

Finding with(Finding finding, Words words) {
  finding.found = std::move(words.found);
  finding.expected = std::move(words.expected);
  finding.detail = std::move(words.detail);
  return finding;
}

Finding Context::of(Problem problem) const {
  Finding finding;
  finding.problem = problem;
  finding.mailbox = state.entry.name;
  return finding;
}

Finding Context::of(Problem problem, std::uint32_t uid) const {
  Finding finding = of(problem);
  finding.uid = uid;
  return finding;
}

void Context::give(Finding finding) {
  ++summary.found;
  if (finding.outcome == Outcome::fixed) {
    ++summary.fixed;
  } else if (finding.outcome == Outcome::remains && row_of(finding.problem).severity >= Severity::damage) {
    ++summary.remaining;
  }
  if (probe_) {
    kept_.push_back(std::move(finding));
  } else {
    reporter_.report(finding);
  }
}

bool Context::fix(Finding finding) {
  wants_write_ = true;
  finding.outcome = dry_run_ ? Outcome::found : Outcome::fixed;
  give(std::move(finding));
  return true;
}

void Context::note(Finding finding) {
  finding.outcome = Outcome::remains;
  give(std::move(finding));
}

const Result<FileBytes>& Context::header_file() {
  if (!header_file_) {
    header_file_.emplace(store.io().read_file(state.files.header));
  }
  return *header_file_;
}

Result<FileBytes> Context::read_index() const {
  const bool open = locked_index != nullptr && locked_index->is_open();
  return open ? locked_index->read_whole() : store.io().read_file(state.files.index);
}

void Context::flush() {
  for (const auto& finding : kept_) {
    reporter_.report(finding);
  }
  kept_.clear();
}

std::uint64_t next_modseq(State& state) {
  // Before v8 there are no modseqs; counting in memory does no harm.
  return ++state.index.highestmodseq;
}

}  // namespace cyr::check

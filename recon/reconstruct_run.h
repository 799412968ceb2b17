// One run of reconstruct: which mailboxes, in which order, by how many threads, and what the exit status is.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "format/check/checker.h"
#include "format/conf/imapd_conf.h"
#include "format/store/saved_limits.h"

namespace cyr::recon {

struct ReconstructOptions {
  check::Options check;
  std::vector<std::string> arguments;
  bool recursive = false;                // -r
  bool users = false;                    // -u
  bool header_paths = false;             // -P
  bool scan_filesystem = false;          // -f
  bool find_missing = false;             // -d
  bool rebuild_list = false;             // -m
  std::optional<conf::Release> release;  // --release, with -m: whose list to write
  bool whole_store = false;              // --store
  bool mend_users = false;               // --users
  std::vector<fs::path> merge;           // --merge, with --users
  bool guess = false;                    // --guess, with --users
  std::string partition;                 // -p
  bool quiet = false;                    // -q
  bool dry_run = false;                  // -n
  bool json = false;
  bool keep = true;                // not --no-keep
  fs::path undo_directory;         // --undo-dir; empty: below each partition
  store::SavedLimits limits;       // --undo-days, --undo-size
  std::string undo;                // --undo: id of the run to take back
  bool force = false;              // --force, with --undo or -m
  std::string version;             // -V
  bool check_only_status = false;  // --check: a dry run that finds something ends with 1
  bool compat_exit = false;
  bool progress = false;
  unsigned jobs = 0;  // -j; 0: one per processor
  Io* io = nullptr;   // for tests of interruptions; nullptr: the real one
};

// Where the run may write: nowhere, when it is a dry one.
[[nodiscard]] Io& io_of(const ReconstructOptions& options);

// What happened, for the summary and the exit status.
struct RunTotals {
  std::uint64_t mailboxes = 0, failed = 0, unmatched = 0, changed = 0;
  std::uint64_t found = 0, fixed = 0, remaining = 0, parsed = 0;
};

// 0 everything was processed; 1 a mailbox could not be, or an argument matched nothing; 2 damage remains.
// With `--check` a dry run that would change something gives 1.
[[nodiscard]] int exit_status(const RunTotals& totals, const ReconstructOptions& options);

Result<int> run_reconstruct(std::shared_ptr<const conf::Config> config, const ReconstructOptions& options);

}  // namespace cyr::recon

// Checks one mailbox and repairs it: the passes of this folder in order, then one commit
// (format/doc/repair.md).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/check/convert_target.h"
#include "format/check/problem.h"
#include "format/check/stray_indexes.h"
#include "format/store/locks.h"
#include "format/store/saved_copies.h"
#include "format/store/store.h"

namespace cyr::check {

// The options of reconstruct(8) that decide what a check does.
struct Options {
  bool force_reparse = false;            // -G: parse every message file, compare the GUID
  bool stat_files = true;                // not -s
  bool guid_keep = false;                // -R
  bool guid_discard = false;             // -U
  bool ignore_odd = false;               // -o
  bool remove_odd = false;               // -O
  bool prefer_list = false;              // -M: believe mailboxes.db, not header and index
  bool new_uniqueids = false;            // -I
  bool ignore_metadata = false;          // -x: make the header anew, with -p and -f
  std::optional<ConvertTarget> convert;  // -V
  bool accept_loss = false;              // --accept-loss: convert although something cannot be kept
  std::int64_t now = 0;                  // seconds since 1970, for last_updated and new records; 0: the clock
  unsigned threads = 1;                  // that one mailbox of very many messages may use
  // What the checks of one run share: found once, when the first index is lost.
  std::shared_ptr<StrayIndexes> strays = std::make_shared<StrayIndexes>();
};

// Receives findings, in the order in which they are made; one at a time for a mailbox, but mailboxes may be
// checked by several threads with a Reporter each.
class Reporter {
 public:
  Reporter() = default;
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;
  virtual ~Reporter() = default;
  virtual void report(const Finding& finding) = 0;
};

// What one mailbox came to.
struct Summary {
  std::uint64_t messages = 0;  // records that are not expunged, afterwards
  std::uint64_t parsed = 0;    // message files that were read
  std::uint64_t found = 0;     // findings
  std::uint64_t fixed = 0;
  std::uint64_t remaining = 0;  // damage or loss that was left as it is
  bool changed = false;         // something was written
  // Usage by resource after less before; `usage_known` false: the old index did not say what was counted.
  meta::Usage usage_change{};
  bool usage_known = true;
  std::string quotaroot;  // internal name; empty: none
};

// One per thread. Whether anything may be changed is the Store's Io's matter: with a read-only one everything
// is computed and reported, nothing written.
class Checker {
 public:
  Checker(store::Store& store, const Options& options, store::SavedCopies& saved, store::UserLocks& locks)
      : store_(store), options_(options), saved_(saved), locks_(locks) {}

  // Errc::... when the mailbox could not be processed at all: an I/O error, an unknown partition. Damage is
  // no error.
  Result<Summary> mailbox(const meta::MailboxEntry& entry, Reporter& reporter);

 private:
  store::Store& store_;
  const Options& options_;
  store::SavedCopies& saved_;
  store::UserLocks& locks_;
};

}  // namespace cyr::check

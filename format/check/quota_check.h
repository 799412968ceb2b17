// quota -f as a library: every quota root against the mailboxes below it (store.md 5.4, 5.5;
// format/doc/quota.md).
//
// A first pass reads all index headers without a lock, in parallel, and sums them up. A root whose record
// agrees needs nothing. One that does not is counted again, under the lock of its user, or where that is
// none, mailbox by mailbox with the SCAN data of Cyrus in its record, which makes the result right while
// servers deliver; only that writes. Nothing stops the run but an unreadable mailbox list: what cannot be
// read is reported, and a root whose sum is not known keeps the usage it has.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/check/checker.h"
#include "format/check/quota_usage.h"
#include "format/meta/quota.h"
#include "format/store/locks.h"
#include "format/store/saved_copies.h"
#include "format/store/store.h"

namespace cyr::check {

// Which roots and mailboxes. All empty: everything.
struct QuotaSelection {
  std::vector<std::string> names;     // internal; each with everything below it, "dom!" with the whole domain
  std::vector<std::string> patterns;  // over administrators' names, with `*` and `%`
  std::optional<std::string> domain;  // only roots of this domain; "" is the default domain

  [[nodiscard]] bool everything() const { return names.empty() && patterns.empty() && !domain; }
};

struct QuotaOptions {
  QuotaSelection selection;
  bool remove_unused = false;  // also roots with a limit that no mailbox uses
  unsigned threads = 4;
  // Counts every selected root under locks, also those that seem right (quota -Z).
  bool count_all = false;
  // Called before and after a mailbox is counted under its lock, outside of it (quota -Z).
  std::function<void(const std::string&mailbox)> before_mailbox, after_mailbox;
  const std::atomic<bool>* stop = nullptr;  // looked at between mailboxes: the run ends with Errc::cancelled
};

struct QuotaSummary {
  std::uint64_t roots = 0;      // looked at
  std::uint64_t mailboxes = 0;  // counted
  std::uint64_t changed = 0;    // roots and headers written, or that a run without dry run would write
  std::uint64_t problems = 0;   // findings that stay, or facts that are gone
};

// What is known of one root after the first pass.
struct RootTally {
  std::string name;
  std::string value;                      // the record as it stands
  std::optional<meta::QuotaRoot> record;  // nothing: it cannot be read, see `problem`
  std::optional<Error> problem;
  std::vector<std::size_t> mailboxes;  // that belong to it and were counted, as indexes
  meta::Usage used{};
  bool complete = true;  // every mailbox below it was counted
  bool touched = false;  // a mailbox came to it or left it
};

enum class RootAction : std::uint8_t {
  keep,         // right as it is
  recount,      // usage differs, or scan data of an interrupted run is left over
  remove,       // no mailbox uses it
  keep_unused,  // no mailbox uses it, but it has a limit
  rebuild,      // the record cannot be read
  leave,        // not everything below it can be counted
};
// Pure.
[[nodiscard]] RootAction decide(const RootTally& root, const QuotaOptions& options);

class QuotaChecker {
 public:
  QuotaChecker(store::Store& store, QuotaOptions options, store::SavedCopies& saved, store::UserLocks& locks,
               Reporter& reporter)
      : store_(store), options_(std::move(options)), saved_(saved), locks_(locks), reporter_(reporter) {}

  // With a read-only Io of the store everything is found and reported and nothing written.
  Result<QuotaSummary> run();

  // Of the records that a release with this form of the mailbox list writes.
  [[nodiscard]] static meta::QuotaForm form_of(meta::ListFormat format);

 private:
  struct Mailbox {
    meta::MailboxEntry entry;  // without ACL and history
    std::string root;          // by name; empty: none
  };
  struct Reading;
  struct Worker;

  Status load_roots();
  Status load_mailboxes();
  [[nodiscard]] bool selected(std::string_view name) const;
  Status read_mailboxes();
  Status read_chunk(std::size_t from, std::size_t to, std::vector<Reading>& readings,
                    std::vector<std::unique_ptr<store::Store>>& stores);
  [[nodiscard]] meta::Usage counted(const meta::Usage& used) const;
  void tally(const Mailbox& mailbox, const Reading& reading);
  void skip_mailbox(const std::string& mailbox, const std::string& root, const Error& error);
  Status correct_headers();
  Status correct_header(const Mailbox& mailbox);
  Status settle_root(RootTally& root);
  void report_usage(const meta::QuotaRoot& record, const meta::Usage& now);
  Status recount(RootTally& root);
  struct Count;
  Status hold(Count& count);
  Status refresh(Count& count);
  Status count_mailbox(const Mailbox& mailbox, Count& count);
  Status add_to_scan(const Mailbox& mailbox, const meta::Usage& used, Count& count);
  Status finish_count(const Count& count);
  Status rebuild(RootTally& root);
  Status remove(const RootTally& root);
  Status keep_record(const std::string& root, bool removing, std::string_view reason);
  Status note_record(store::SavedItem item, const std::string& root);
  Result<bool> note_usage(const std::string& root, const meta::Usage& before, const meta::Usage& now);
  void report(Problem problem, const std::string& name, std::string found = {}, std::string expected = {},
              std::string detail = {});
  [[nodiscard]] bool dry_run() const { return store_.io().read_only(); }
  [[nodiscard]] Status check_stop() const;

  store::Store& store_;
  QuotaOptions options_;
  store::SavedCopies& saved_;
  store::UserLocks& locks_;
  Reporter& reporter_;
  meta::Quotas* quotas_ = nullptr;
  meta::QuotaForm form_ = meta::QuotaForm::dlist_modseq;  // of records that are written
  bool keyed_list_ = false;                               // the servers of this store lock users
  std::map<std::string, RootTally, std::less<>> roots_;   // those that the run looks at
  meta::QuotaRootFinder finder_;                          // all
  std::vector<Mailbox> mailboxes_;                        // by name, bytewise
  FileInfo list_seen_;                                    // mailboxes.db as it was when it was listed
  std::vector<std::size_t> wrong_headers_;                // indexes in mailboxes_
  QuotaSummary summary_;
};

}  // namespace cyr::check

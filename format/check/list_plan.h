// What a rebuilt mailboxes.db would hold, and why (reconstruct -m; format/doc/mailboxes.db.md, "Rebuilding").
//
// Rules: a record of the present list that can be read is never dropped, whatever the disk says; a directory
// that holds a mailbox gets an entry; what earlier lists alone know is taken when the disk confirms it, or
// cannot deny it because its partition is away. Everything else is named in `lost_found`.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/check/conversion_mark.h"
#include "format/check/disk_scan.h"
#include "format/check/list_sources.h"
#include "format/store/saved_copies.h"

namespace cyr::check {

enum class Verdict : std::uint8_t {
  kept,         // as the present list has it; fields that it lacked may have been filled in
  restored,     // from an earlier list, or from header and index
  invented,     // a part of it (unique id, access list, the whole intermediate) is made up
  conflicting,  // two mailboxes claim one name or id: how that was settled
};
[[nodiscard]] std::string_view name_of(Verdict verdict);

struct PlannedEntry {
  Verdict verdict = Verdict::kept;
  meta::MailboxEntry entry;
  std::string source;              // "mailboxes.db", "cyrus.header", "db.backup1/mailboxes.db" ...
  std::string reason;              // empty: nothing to say
  fs::path directory;              // of cyrus.header; empty: none found, or no mailbox of this server
  std::string shared_id;           // the unique id that another mailbox kept; empty: none
  bool changed = false;            // differs from the present list's record
  bool directory_missing = false;  // a local mailbox without one
};

// What is not in the new list.
struct LostFound {
  std::string name;  // as far as known: mailbox, quota root
  fs::path path;
  std::string reason;
  bool is_directory = false;  // `path` is one that looks like a mailbox
};

// A root of a partition that is missing or empty: perhaps its file system is not mounted.
struct AbsentRoot {
  std::string partition;
  fs::path root;
  bool there = false;         // the directory exists
  std::uint64_t entries = 0;  // mailboxes that should be there
};

struct ListPlan {
  meta::ListFormat format = meta::ListFormat::keyed_36;
  std::string format_reason;
  db::Kind kind = db::Kind::twoskip;
  std::vector<ListSource> sources;    // the present list first
  std::vector<PlannedEntry> entries;  // in the order of their names
  std::vector<LostFound> lost_found;
  // Entries that a list of this form has no place for: of deleted mailboxes (up to 2.4), and of names that
  // only have mailboxes below them (up to 3.0).
  std::uint64_t dropped_tombstones = 0, dropped_parents = 0;
  std::vector<AbsentRoot> absent;
  // Mailboxes are known to be missing that an absent root may hold, or it holds the unique ids that a list of
  // a later release needs: only with force.
  bool refused = false;
  // Records that follow from others (by unique id, reverse ones) contradict them: they are made anew.
  bool rewrite = false;
  // A conversion to an earlier release was interrupted: what it noted at its beginning.
  std::optional<ConversionMark> resumed;

  [[nodiscard]] std::uint64_t count(Verdict verdict) const;
  [[nodiscard]] std::uint64_t missing_directories() const;
  // The file would be another one: an entry, the form or the database kind changes, or it is damaged.
  [[nodiscard]] bool writes() const;
};

struct PlanOptions {
  std::optional<conf::Release> release;  // whose form to write; nothing: that of the old list, else guessed
  const std::atomic<bool>* stop = nullptr;
  unsigned jobs = 1;  // threads that read headers
};

// The form that the list had before the conversion, an interrupted one included. Nothing: no record tells.
[[nodiscard]] inline std::optional<meta::ListFormat> format_before(const ListPlan& plan) {
  return plan.resumed ? std::optional(plan.resumed->from) : plan.sources.front().format;
}
[[nodiscard]] inline bool goes_down(const ListPlan& plan) {
  return format_before(plan).value_or(plan.format) > plan.format;
}
// What has unique ids for names gets names back.
[[nodiscard]] inline bool loses_ids(const ListPlan& plan) {
  return goes_down(plan) && meta::is_keyed(*format_before(plan)) && !meta::is_keyed(plan.format);
}

// Reads everything, changes nothing.
Result<ListPlan> plan_mailbox_list(store::Store& store, const PlanOptions& options);

// Writes the list beside the old one and puts it in its place; the old file is saved. Entries that change get
// mtime `now`.
Status apply_list_plan(store::Store& store, const ListPlan& plan, store::SavedCopies& saved,
                       std::string_view reason, std::int64_t now);

}  // namespace cyr::check

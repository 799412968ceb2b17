#include "format/check/list_records.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "format/check/list_update.h"

namespace cyr::check {

namespace {

// A record that cannot be read, as it stands.
struct BadRecord {
  std::string name;  // internal name, or the unique id of a record by id
  std::string value;
  Error error;
};

class ListRecords {
 public:
  ListRecords(store::Store& store, Reporter& reporter) : store_(store), reporter_(reporter) {}

  Status read() {
    CYR_TRY(meta::MailboxList * list, store_.mailbox_list());
    CYR_CHECK(list->for_each("", [this](const meta::ListItem& item) -> Result<db::Visit> {
      if (item.entry) {
        by_name_.emplace(item.name, *item.entry);
        ++kept_;
      } else {
        bad_names_.push_back({std::string(item.name), std::string(item.value), item.entry.error()});
      }
      return db::Visit::go_on;
    }));
    return list->for_each_uniqueid([this](const meta::ListItem& item) -> Result<db::Visit> {
      if (item.entry) {
        by_id_.push_back(*item.entry);
      } else {
        bad_ids_.push_back({std::string(item.name), std::string(item.value), item.entry.error()});
      }
      return db::Visit::go_on;
    });
  }

  [[nodiscard]] bool sound() const { return bad_names_.empty() && bad_ids_.empty(); }

  Status rebuild(const std::atomic<bool>* stop) {
    for (const auto& bad : bad_names_) {
      CYR_CHECK(rebuild_name_record(bad, stop));
    }
    for (const auto& bad : bad_ids_) {
      rebuild_id_record(bad);
    }
    return success();
  }

  Status write(store::SavedCopies& saved, std::int64_t now) {
    if ((rebuilt_.empty() && former_names_.empty()) || store_.io().read_only()) {
      return success();
    }
    CYR_CHECK(update_list(store_, saved, former_names_, rebuilt_, row_of(Problem::list_entry_unreadable).slug,
                          now));
    return saved.settle("");
  }

  [[nodiscard]] RebuildSummary summary() const {
    RebuildSummary out{
        .kept = kept_, .added = rebuilt_count_, .unresolved = unresolved_, .entries = {}, .missing = {}};
    for (const auto& [name, entry] : by_name_) {
      if (entry.type.local()) {
        out.entries.push_back(entry);
      }
    }
    return out;
  }

 private:
  Status rebuild_name_record(const BadRecord& bad, const std::atomic<bool>* stop) {
    auto entry = from_id_record(bad);
    if (!entry && is_former_name(bad)) {
      report(bad.name, bad, true);
      former_names_.push_back(bad.name);
      return success();
    }
    if (!entry) {
      CYR_TRY(entry, from_partitions(bad, stop));
    }
    report(bad.name, bad, entry.has_value());
    if (entry) {
      by_name_.insert_or_assign(entry->name, *entry);
      rebuilt_.push_back(std::move(*entry));
    }
    return success();
  }

  // What a renamed mailbox left behind: its tombstone is in the history of the record by id, and goes.
  [[nodiscard]] bool is_former_name(const BadRecord& bad) const {
    return std::any_of(by_id_.begin(), by_id_.end(), [&bad](const auto& entry) {
      return std::any_of(entry.history.begin(), entry.history.end(),
                         [&bad](const auto& former) { return former.name == bad.name; });
    });
  }

  // The record by id that has this name. A name that was used again has several: the one whose id the damaged
  // value still shows comes first, then one that is no tombstone, then the newest.
  [[nodiscard]] std::optional<meta::MailboxEntry> from_id_record(const BadRecord& bad) const {
    const meta::MailboxEntry* best = nullptr;
    const auto rank = [&bad](const meta::MailboxEntry& entry) {
      return std::tuple(bad.value.find(entry.uniqueid) != std::string::npos, !entry.type.deleted,
                        entry.mtime);
    };
    for (const auto& entry : by_id_) {
      if (entry.name == bad.name && (best == nullptr || rank(entry) > rank(*best))) {
        best = &entry;
      }
    }
    return best == nullptr ? std::nullopt : std::optional(*best);
  }

  Result<std::optional<meta::MailboxEntry>> from_partitions(const BadRecord& bad,
                                                            const std::atomic<bool>* stop) {
    if (!scan_) {
      CYR_TRY(scan_, scan_partitions(store_, {}, stop));
    }
    CYR_TRY(meta::MailboxList * list, store_.mailbox_list());
    const bool keyed = meta::is_keyed(list->format());
    for (const auto& found : scan_->mailboxes) {
      if (found.entry.name == bad.name && !(keyed && found.entry.uniqueid.empty())) {
        return std::optional(found.entry);
      }
    }
    return std::optional<meta::MailboxEntry>();
  }

  // A record by id lost: the name record with this id says all of it but the history of its names.
  void rebuild_id_record(const BadRecord& bad) {
    // The tombstone of a former name has the id too.
    const meta::MailboxEntry* owner = nullptr;
    for (const auto& [name, entry] : by_name_) {
      if (entry.uniqueid == bad.name && (owner == nullptr || owner->type.deleted)) {
        owner = &entry;
      }
    }
    report(owner == nullptr ? bad.name : owner->name, bad, owner != nullptr);
    const bool written = std::any_of(rebuilt_.begin(), rebuilt_.end(), [&bad](const auto& entry) {
      return entry.uniqueid == bad.name;  // with the name record, which could not be read either
    });
    if (owner != nullptr && !written) {
      rebuilt_.push_back(*owner);
    }
  }

  void report(const std::string& mailbox, const BadRecord& bad, bool can_rebuild) {
    Finding finding;
    finding.problem = Problem::list_entry_unreadable;
    finding.mailbox = mailbox;
    finding.path = store_.paths().mailboxes_db();
    finding.found = bad.value;
    finding.detail = bad.error.what;
    finding.outcome = !can_rebuild              ? Outcome::remains
                      : store_.io().read_only() ? Outcome::found
                                                : Outcome::fixed;
    reporter_.report(finding);
    unresolved_ += can_rebuild ? 0 : 1;
    rebuilt_count_ += can_rebuild ? 1 : 0;
  }

  store::Store& store_;
  Reporter& reporter_;
  std::map<std::string, meta::MailboxEntry, std::less<>> by_name_;
  std::vector<meta::MailboxEntry> by_id_;
  std::vector<BadRecord> bad_names_, bad_ids_;
  std::optional<DiskScan> scan_;
  std::vector<meta::MailboxEntry> rebuilt_;
  std::vector<std::string> former_names_;
  std::uint64_t rebuilt_count_ = 0, kept_ = 0, unresolved_ = 0;
};

}  // namespace

Result<RebuildSummary> repair_list_records(store::Store& store, store::SavedCopies& saved, Reporter& reporter,
                                           std::int64_t now, const std::atomic<bool>* stop) {
  ListRecords records(store, reporter);
  CYR_CHECK(records.read());
  if (!records.sound()) {
    CYR_CHECK(records.rebuild(stop));
    CYR_CHECK(records.write(saved, now));
  }
  return records.summary();
}

}  // namespace cyr::check

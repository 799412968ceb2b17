#include "format/check/list_rebuild.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "format/check/list_update.h"
#include "format/check/unique_id.h"
#include "format/db/salvage.h"

namespace cyr::check {

namespace {

// Name records and I records as they stand in a damaged list, as far as they can be reached.
struct Remains {
  std::vector<std::pair<std::string, std::string>> records;  // key, value
  std::map<std::string, meta::MailboxEntry> entries;         // by name: every name record that can be read
  std::vector<meta::MailboxEntry> by_id;                     // I records
  meta::ListFormat format = meta::ListFormat::keyed_36;
  std::optional<db::Kind> kind;
};

void take_record(Remains& remains, std::string_view key, std::string_view value) {
  const meta::ListKey parsed = meta::parse_list_key(key, remains.format);
  if (parsed.kind == meta::KeyKind::mailbox) {
    if (auto entry = meta::decode_entry(parsed.name, value)) {
      remains.entries.insert_or_assign(parsed.name, std::move(*entry));
      remains.records.emplace_back(key, value);
    }
  } else if (parsed.kind == meta::KeyKind::uniqueid) {
    if (auto entry = meta::decode_uniqueid_record(parsed.name, value)) {
      remains.by_id.push_back(std::move(*entry));
      remains.records.emplace_back(key, value);
    }
  } else if (parsed.kind != meta::KeyKind::unknown) {
    remains.records.emplace_back(key, value);
  }
}

Remains read_remains(store::Store& store) {
  Remains remains;
  const auto configured = db::kind_from_name(store.config().text(conf::Option::mboxlist_db));
  db::SalvageOptions options;
  options.kind = configured;
  options.lock = false;  // the repair holds the list itself
  const auto salvaged = db::salvage(store.io(), store.paths().mailboxes_db(), options);
  if (!salvaged) {
    return remains;
  }
  remains.kind = salvaged->kind;
  // `N...` and `I...` with a dlist value are of 3.6 and later; the list's own detection wants a sound
  // database.
  const bool keyed = std::any_of(salvaged->records.begin(), salvaged->records.end(), [](const auto& record) {
    return record.key.starts_with('I') && record.value.starts_with("%(T ");
  });
  const bool dlist = std::any_of(salvaged->records.begin(), salvaged->records.end(),
                                 [](const auto& record) { return record.value.starts_with("%("); });
  remains.format = keyed ? meta::ListFormat::keyed_36
                   : dlist
                       ? meta::ListFormat::dlist_32
                       : (salvaged->records.empty() ? meta::ListFormat::keyed_36 : meta::ListFormat::text);
  for (const db::SalvagedRecord& record : salvaged->records) {
    take_record(remains, record.key, record.value);
  }
  // An I record holds all that the name record held.
  for (const auto& entry : remains.by_id) {
    if (!remains.entries.contains(entry.name) && entry.type.local() && !entry.partition.empty()) {
      remains.entries.emplace(entry.name, entry);
    }
  }
  return remains;
}

Finding finding_of(Problem problem, const store::Store& store, std::string mailbox = {}) {
  Finding finding;
  finding.problem = problem;
  finding.mailbox = std::move(mailbox);
  finding.outcome = store.io().read_only() ? Outcome::found : Outcome::fixed;
  return finding;
}

class Merger {
 public:
  Merger(store::Store& store, Reporter& reporter, std::map<std::string, meta::MailboxEntry> entries,
         bool keyed)
      : store_(store), reporter_(reporter), entries_(std::move(entries)), keyed_(keyed) {
    for (const auto& [name, entry] : entries_) {
      if (entry.type.local() && !entry.uniqueid.empty()) {
        ids_.emplace(entry.uniqueid, name);
      }
    }
  }

  void add(const FoundMailbox& found) {
    const meta::MailboxEntry& entry = found.entry;
    if (entry.name.empty() || (keyed_ && entry.uniqueid.empty())) {
      unresolved(found, entry.name.empty() ? "its name is lost" : "its unique id is lost");
      return;
    }
    const auto known = entries_.find(entry.name);
    if (known != entries_.end() && known->second.type.local()) {
      if (known->second.uniqueid != entry.uniqueid && found.by_id) {
        unresolved(found, "another mailbox has the name " + entry.name);
      }
      return;
    }
    if (const auto other = ids_.find(entry.uniqueid); other != ids_.end() && !entry.uniqueid.empty()) {
      if (other->second != entry.name) {
        unresolved(found, "its unique id belongs to " + other->second);
      }
      return;
    }
    Finding finding = finding_of(Problem::list_entry_missing, store_, entry.name);
    finding.expected = entry.uniqueid;
    finding.path = found.directory;
    reporter_.report(finding);
    ids_.emplace(entry.uniqueid, entry.name);
    entries_.insert_or_assign(entry.name, entry);
    added.push_back(entry);
  }

  std::vector<meta::MailboxEntry> added;
  std::uint64_t unresolved_count = 0;
  [[nodiscard]] const std::map<std::string, meta::MailboxEntry>& entries() const { return entries_; }

 private:
  void unresolved(const FoundMailbox& found, std::string why) {
    Finding finding = finding_of(Problem::directory_unlisted, store_, found.entry.name);
    finding.path = found.directory;
    finding.detail = std::move(why);
    finding.outcome = Outcome::remains;
    reporter_.report(finding);
    ++unresolved_count;
  }

  store::Store& store_;
  Reporter& reporter_;
  std::map<std::string, meta::MailboxEntry> entries_;
  std::map<std::string, std::string> ids_;  // unique id to name
  bool keyed_;
};

// A new database beside the old one, then in its place.
Status write_list(store::Store& store, const Remains& remains, const std::vector<meta::MailboxEntry>& added,
                  store::SavedCopies& saved, std::int64_t now) {
  const fs::path target = store.paths().mailboxes_db();
  const fs::path temporary = target.native() + ".NEW";
  Io& io = store.io();
  CYR_TRY(const bool left_over, io.exists(temporary));
  if (left_over) {
    CYR_CHECK(io.unlink(temporary));
  }
  const auto configured = db::kind_from_name(store.config().text(conf::Option::mboxlist_db));
  const db::Kind kind = remains.kind.value_or(configured.value_or(db::Kind::twoskip));
  {
    CYR_TRY(auto database, db::open(io, temporary, kind, {.create = true, .order = {}, .mode = 0600}));
    CYR_TRY(const auto transaction, database->begin());
    for (const auto& [key, value] : remains.records) {
      CYR_CHECK(transaction->put(key, value));
    }
    CYR_CHECK(transaction->commit());
    meta::MailboxListOptions options;
    options.format_if_empty = remains.format;
    options.admins = store.config().words(conf::Option::admins);
    options.name_space = store.name_space();
    CYR_TRY(auto list, meta::MailboxList::open(std::move(database), std::move(options)));
    CYR_CHECK(list.update(added, now));
  }
  CYR_TRY(const bool there, io.exists(target));
  CYR_CHECK(there ? saved.before_replace(target, {"", row_of(Problem::list_damaged).slug})
                  : saved.before_create(target, {"", row_of(Problem::list_lost).slug}));
  store.close_databases();
  CYR_CHECK(io.rename(temporary, target));
  CYR_CHECK(io.sync_directory(target.parent_path()));
  return saved.settle("");
}

// What CREATE would have given the mailbox.
FoundMailbox with_new_metadata(const store::Store& store, FoundMailbox found) {
  const auto name = names::MailboxName::from_internal(found.entry.name, store.name_space());
  const std::string owner = name ? name->user().text() : std::string();
  if (!owner.empty()) {
    found.entry.acl = owner + "\tlrswipkxtecdan\t";
  } else {
    std::string acl(store.config().text(conf::Option::defaultacl));
    std::replace(acl.begin(), acl.end(), ' ', '\t');
    found.entry.acl = acl.empty() ? acl : acl + "\t";
  }
  if (!found.by_id) {
    found.entry.uniqueid = make_uniqueid();
  }
  return found;
}

RebuildSummary summary_of(const Merger& merger, std::uint64_t kept) {
  RebuildSummary out{
      .kept = kept, .added = merger.added.size(), .unresolved = merger.unresolved_count, .entries = {}};
  for (const auto& [name, entry] : merger.entries()) {
    if (entry.type.local()) {
      out.entries.push_back(entry);
    }
  }
  return out;
}

}  // namespace

std::optional<Error> mailbox_list_problem(store::Store& store) {
  const auto list = store.mailbox_list();
  if (!list) {
    return list.error();
  }
  const auto walked =
      (*list)->for_each("", [](const meta::ListItem&) -> Result<db::Visit> { return db::Visit::go_on; });
  if (!walked) {
    return walked.error();
  }
  if (auto sound = (*list)->database().consistent(); !sound) {
    return sound.error();
  }
  return {};
}

Result<RebuildSummary> rebuild_mailbox_list(store::Store& store, const Error& problem,
                                            store::SavedCopies& saved, Reporter& reporter, std::int64_t now,
                                            const std::atomic<bool>* stop) {
  Remains remains = read_remains(store);
  Finding finding = finding_of(remains.records.empty() ? Problem::list_lost : Problem::list_damaged, store);
  finding.path = store.paths().mailboxes_db();
  finding.detail = problem.what;
  finding.offset = problem.offset;
  reporter.report(finding);
  CYR_TRY(const auto scan, scan_partitions(store, {}, stop));
  for (const auto& error : scan.unreadable) {
    return error;  // a list without the mailboxes of a disk that is away would lose them
  }
  const bool keyed = meta::is_keyed(remains.format);
  const std::uint64_t kept = remains.entries.size();
  Merger merger(store, reporter, remains.entries, keyed);
  for (const auto& found : scan.mailboxes) {
    merger.add(found);
  }
  std::vector<meta::MailboxEntry> write = merger.added;
  std::set<std::string> named;
  for (const auto& [key, value] : remains.records) {
    if (const auto parsed = meta::parse_list_key(key, remains.format);
        parsed.kind == meta::KeyKind::mailbox) {
      named.insert(parsed.name);
    }
  }
  for (const auto& [name, entry] : remains.entries) {
    if (!named.contains(name)) {
      write.push_back(entry);  // known from its I record only
    }
  }
  if (!store.io().read_only()) {
    CYR_CHECK(write_list(store, remains, write, saved, now));
  }
  return summary_of(merger, kept);
}

Result<RebuildSummary> import_mailboxes(store::Store& store, const std::vector<FoundMailbox>& found,
                                        const WantedMailbox& wanted, store::SavedCopies& saved,
                                        Reporter& reporter, std::int64_t now, DiskMetadata metadata) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  std::map<std::string, meta::MailboxEntry> entries;
  CYR_CHECK(list->for_each("", [&entries](const meta::ListItem& item) -> Result<db::Visit> {
    if (item.entry) {
      entries.emplace(item.name, *item.entry);
    }
    return db::Visit::go_on;
  }));
  const std::uint64_t kept = entries.size();
  Merger merger(store, reporter, std::move(entries), meta::is_keyed(list->format()));
  for (const auto& one : found) {
    if (wanted(one)) {
      merger.add(metadata == DiskMetadata::use ? one : with_new_metadata(store, one));
    }
  }
  if (!merger.added.empty() && !store.io().read_only()) {
    CYR_CHECK(update_list(store, saved, {}, merger.added, row_of(Problem::list_entry_missing).slug, now));
    CYR_CHECK(saved.settle(""));
  }
  return summary_of(merger, kept);
}

}  // namespace cyr::check

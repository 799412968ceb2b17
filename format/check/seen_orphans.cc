#include "format/check/seen_orphans.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "format/check/disk_scan.h"
#include "format/check/list_sources.h"
#include "format/check/list_target.h"
#include "format/mailbox/index_file.h"
#include "format/meta/seen.h"
#include "format/text/sequence_set.h"

namespace cyr::check {

namespace {

using meta::MailboxEntry;

class Orphans {
 public:
  explicit Orphans(store::Store& store) : store_(store) {}

  Result<OrphanReport> run(bool guess) {
    CYR_CHECK(read_mailboxes());
    CYR_CHECK(read_states());
    for (const auto& [id, states] : states_) {
      if (!known_.contains(id)) {
        orphans_.insert(id);
      }
    }
    if (orphans_.empty()) {
      return std::move(report_);
    }
    read_indexes();
    CYR_CHECK(from_earlier_lists());
    from_old_style();
    if (guess) {
      from_numbers();
    }
    report_.unknown = orphans_.size();
    return std::move(report_);
  }

 private:
  // Up to 2.4 the list has no ids; the headers do.
  Status read_mailboxes() {
    CYR_TRY(meta::MailboxList * list, store_.mailbox_list());
    CYR_CHECK(list->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
      if (item.entry) {
        known_.insert(item.entry->uniqueid);
        if (item.entry->type.local()) {
          mailboxes_.emplace(item.entry->name, *item.entry);
        }
      }
      return db::Visit::go_on;
    }));
    if (list->format() > meta::ListFormat::extended_text) {
      return success();
    }
    CYR_TRY(const auto scan, scan_partitions(store_));
    for (const auto& found : scan.mailboxes) {
      known_.insert(found.entry.uniqueid);
      if (const auto at = mailboxes_.find(found.entry.name); at != mailboxes_.end()) {
        at->second.uniqueid = found.entry.uniqueid;
        at->second.uidvalidity = found.entry.uidvalidity;
      }
    }
    return success();
  }

  Status read_states() {
    return store::each_database(
        store_, store::DatabaseScope::users, [&](const store::DatabaseFile& file) -> Status {
          if (file.role != "seen state") {
            return success();
          }
          const auto records = read_user_records(store_, file.path, UserData::seen, "");
          for (const auto& [id, value] : records ? records->records : std::map<std::string, std::string>{}) {
            if (const auto state = meta::decode_seen(value)) {
              states_[id].push_back(*state);
            }
          }
          return success();
        });
  }

  // The list of an upgraded store may lack the UIDVALIDITY.
  void read_indexes() {
    for (auto& [name, entry] : mailboxes_) {
      const auto files = store_.files(entry);
      const auto file = files ? File::open(store_.io(), files->index) : Result<File>(files.error());
      if (const auto index =
              file ? mailbox::read_index_header(*file) : Result<mailbox::IndexHeader>(file.error())) {
        entry.uidvalidity = index->uidvalidity;
        indexes_.emplace(name, *index);
      }
    }
  }

  void match(const std::string& id, const MailboxEntry& entry, std::string reason) {
    if (!entry.uniqueid.empty() && orphans_.erase(id) != 0) {
      report_.matched.push_back({{id, entry.uniqueid, false}, entry.name, std::move(reason)});
    }
  }

  // mailboxes.db's other copies, and those that our own runs have replaced.
  Status from_earlier_lists() {
    CYR_TRY(auto sources, read_list_sources(store_));
    const fs::path list = store_.paths().mailboxes_db();
    for (const auto& root : store_.saved_roots()) {
      const fs::path saved = store::saved_place(root, {});
      const auto runs = store_.io().list(saved);
      const fs::path relative = list.lexically_relative(root);
      for (const auto& run : runs && !relative.native().starts_with("..") ? *runs : std::vector<DirEntry>{}) {
        auto source =
            read_list_source(store_, saved / run.name / relative, "the list before run " + run.name);
        if (source && source->there) {
          sources.push_back(std::move(*source));
        }
      }
    }
    std::map<std::string, std::map<std::string, std::string>> names;  // id: name: title
    for (const auto& source : sources) {
      for (const auto& [name, entry] : source.entries) {
        const auto now = mailboxes_.find(name);
        const bool same = now != mailboxes_.end() && entry.type.local() &&
                          (entry.uidvalidity == 0 || entry.uidvalidity == now->second.uidvalidity);
        if (same && orphans_.contains(entry.uniqueid)) {
          names[entry.uniqueid].emplace(name, source.title);
        }
      }
    }
    for (const auto& [id, found] : names) {
      if (found.size() == 1) {
        match(id, mailboxes_.at(found.begin()->first), found.begin()->second + " has the id for it");
      }
    }
    return success();
  }

  void from_old_style() {
    for (const auto& [name, entry] : mailboxes_) {
      for (const auto& id : old_style_uniqueids(entry)) {
        match(id, entry, "the id is made of its name and UIDVALIDITY");
      }
    }
    // One that was renamed still has its UIDVALIDITY; those whose present id ends in it have their own.
    std::map<std::string, std::vector<const MailboxEntry*>> by_end;
    for (const auto& [name, entry] : mailboxes_) {
      const std::string end = fmt::format("{:08x}", entry.uidvalidity);
      if (entry.uidvalidity != 0 && !(entry.uniqueid.size() == 16 && entry.uniqueid.ends_with(end))) {
        by_end[end].push_back(&entry);
      }
    }
    for (const auto& [end, entries] : by_end) {
      std::vector<std::string> fitting;
      std::copy_if(orphans_.begin(), orphans_.end(), std::back_inserter(fitting),
                   [&end = end](const auto& id) { return id.size() == 16 && id.ends_with(end); });
      if (entries.size() == 1 && fitting.size() == 1) {
        match(fitting.front(), *entries.front(), "the only mailbox with the UIDVALIDITY in the id");
      }
    }
  }

  // When messages are read, seen state notes the mailbox's last append (mailbox.md 8.2).
  [[nodiscard]] static bool fits(const std::vector<meta::SeenRecord>& states,
                                 const mailbox::IndexHeader& index) {
    bool same_append = false;
    for (const auto& state : states) {
      const auto uids = text::SequenceSet::parse(state.uids);
      const bool beyond = state.lastuid > index.last_uid || !uids;
      if (beyond || (!uids->empty() && uids->ranges().back().last > index.last_uid)) {
        return false;
      }
      same_append = same_append || (state.lastchange > 0 &&
                                    static_cast<std::uint64_t>(state.lastchange) == index.last_appenddate);
    }
    return same_append;
  }

  void from_numbers() {
    std::map<std::string, std::vector<std::string>> by_id, by_name;
    for (const auto& id : orphans_) {
      for (const auto& [name, index] : indexes_) {
        const bool has_states = states_.contains(mailboxes_.at(name).uniqueid);
        if (!has_states && fits(states_.at(id), index)) {
          by_id[id].push_back(name);
          by_name[name].push_back(id);
        }
      }
    }
    for (const auto& [id, names] : by_id) {
      if (names.size() == 1 && by_name.at(names.front()).size() == 1) {
        match(id, mailboxes_.at(names.front()), "guessed: the only mailbox that its UIDs and dates fit");
      }
    }
  }

  store::Store& store_;
  OrphanReport report_;
  std::set<std::string> known_, orphans_;
  std::map<std::string, MailboxEntry> mailboxes_;  // local ones by name
  std::map<std::string, mailbox::IndexHeader> indexes_;
  std::map<std::string, std::vector<meta::SeenRecord>> states_;  // by unique id, of all users
};

}  // namespace

Result<OrphanReport> find_seen_orphans(store::Store& store, bool guess) { return Orphans(store).run(guess); }

}  // namespace cyr::check

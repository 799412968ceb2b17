// Old mailbox lists: mailboxes.db itself, whole or damaged, and what lies about of its earlier states. Each
// record is taken by its own form, whatever the others are (upgrade-disaster.md 7.2).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "format/store/store.h"

namespace cyr::check {

struct ListSource {
  fs::path path;
  std::string title;             // "mailboxes.db", "db.backup1/mailboxes.db"
  bool there = false;            // the file exists
  bool sound = false;            // opens, holds its format's rules, and every name record can be read
  bool salvaged = false;         // the file is damaged: its records may be old or wrong ones
  std::string damage;            // what is wrong when it is not
  std::int64_t changed = 0;      // mtime, seconds since 1970
  std::optional<db::Kind> kind;  // nothing: absent, empty or none of ours
  std::optional<meta::ListFormat> format;  // nothing: no record tells
  bool mixed = false;                      // records of 3.6's form and of older ones
  // Name records by internal name, those of which only the record by id is left included; the history is that
  // of the record by id.
  std::map<std::string, meta::MailboxEntry> entries;
  std::map<std::string, std::string> records;  // keys and values as they stand, without derived ones
  std::vector<std::string> unreadable;         // names whose record cannot be read
  bool foreign = false;       // the list of another store: its records say nothing of this one
  bool reverse_acls = false;  // has the mark of reverse ACLs
  bool reverse_ids = false;   // and of reverse ids

  [[nodiscard]] bool lost() const { return entries.empty(); }
  [[nodiscard]] const meta::MailboxEntry* find(const std::string& name) const {
    const auto found = entries.find(name);
    return found == entries.end() ? nullptr : &found->second;
  }
};

// mailboxes.db first, then the others by time of change, the newest first: every file of its directory whose
// name begins with its own (mailboxes.db.NEW, .old ...), and the copies of ctl_cyrusdb -c. Files that hold no
// record are left out, but for the first.
Result<std::vector<ListSource>> read_list_sources(store::Store& store);

// Any one file that is or was a mailbox list.
Result<ListSource> read_list_source(store::Store& store, const fs::path& path, std::string title);

}  // namespace cyr::check

#include "format/check/invariants.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "format/acl/acl.h"
#include "format/check/disk_scan.h"
#include "format/mailbox/header.h"
#include "format/store/databases.h"

namespace cyr::check {

namespace {

using meta::KeyKind;
using meta::ListFormat;
using meta::MailboxEntry;

constexpr std::size_t kLongestPartition = 64;

class Invariants {
 public:
  Invariants(store::Store& store, const ViolationSink& sink, const std::atomic<bool>* stop)
      : store_(store), sink_(sink), stop_(stop) {}

  Status run() {
    CYR_TRY(list_, store_.mailbox_list());
    CYR_CHECK(read_list());
    for (const auto& [name, entry] : entries_) {
      check_entry(entry);
    }
    if (meta::is_keyed(list_->format())) {
      check_id_records();
    }
    check_shared_ids();
    check_parents();
    CYR_CHECK(check_reverse_records());
    CYR_CHECK(check_directories());
    CYR_CHECK(check_quota_roots());
    return check_user_files();
  }

 private:
  void found(unsigned invariant, std::string subject, std::string text) {
    sink_({invariant, false, std::move(subject), std::move(text)});
  }
  void warn(unsigned invariant, std::string subject, std::string text) {
    sink_({invariant, true, std::move(subject), std::move(text)});
  }

  // 1: every key and value can be read.
  Status read_list() {
    const ListFormat format = list_->format();
    return list_->database().for_each(
        "", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
          const auto parsed = meta::parse_list_key(key, format);
          switch (parsed.kind) {
            case KeyKind::unknown:
              found(1, std::string(key), "mailboxes.db has a key that no release writes");
              break;
            case KeyKind::reverse_acl:
            case KeyKind::reverse_id:
              reverse_.emplace(key);
              break;
            case KeyKind::user_group:
              break;
            case KeyKind::mailbox:
              keep(meta::decode_entry(parsed.name, value), parsed.name, entries_);
              break;
            case KeyKind::uniqueid:
              keep(meta::decode_uniqueid_record(parsed.name, value), parsed.name, by_id_);
              break;
          }
          return stop_ != nullptr && *stop_ ? db::Visit::stop : db::Visit::go_on;
        });
  }
  void keep(Result<MailboxEntry> entry, const std::string& name, std::map<std::string, MailboxEntry>& into) {
    if (entry) {
      into.emplace(name, std::move(*entry));
    } else {
      found(1, name, "record cannot be read: " + entry.error().text());
    }
  }

  [[nodiscard]] static bool active(const MailboxEntry& entry) {
    return entry.type.local() && !entry.type.moving;
  }

  // 2, 3, 10, 11: one record for itself.
  void check_entry(const MailboxEntry& entry) {
    const auto& ns = store_.name_space();
    if (entry.type.deleted && (!entry.partition.empty() || (entry.acl && !entry.acl->empty()))) {
      warn(10, entry.name, "deleted name with a partition or an ACL");
    }
    if (entry.type.reserved || entry.type.moving) {
      found(11, entry.name,
            entry.type.reserved ? "left over from a creation that never ended"
                                : "left over from a transfer that never ended");
    }
    if (!active(entry)) {
      return;
    }
    if (entry.partition.size() > kLongestPartition || !store_.partitions().contains(entry.partition)) {
      found(2, entry.name,
            fmt::format("on partition \"{}\", which imapd.conf does not have", entry.partition));
    }
    if (const auto acl = acl::Acl::parse_strict(entry.acl.value_or("")); !acl) {
      found(2, entry.name, "ACL cannot be read: " + acl.error().text());
    }
    if (entry.uniqueid.empty() && list_->format() >= ListFormat::dlist_25) {
      found(2, entry.name, "no unique id");
    }
    const auto name = names::MailboxName::from_internal(entry.name, ns);
    if (!name) {
      found(3, entry.name, name.error().text());
    } else if (const auto allowed = names::check_policy(entry.name, ns); !allowed && !name->is_deleted()) {
      warn(3, entry.name, allowed.error().text());
    }
  }

  // 4: names and ids tell the same.
  void check_id_records() {
    for (const auto& [name, entry] : entries_) {
      const auto record = by_id_.find(entry.uniqueid);
      if (entry.uniqueid.empty()) {
        continue;
      }
      if (record == by_id_.end()) {
        found(4, name, "no record for its unique id " + entry.uniqueid);
      } else if (entry.type.deleted) {
        check_former_name(entry, record->second);
      } else if (record->second.name == name) {
        check_same(entry, record->second);
      }  // else two names with one id: 5
    }
    for (const auto& [id, record] : by_id_) {
      const auto entry = entries_.find(record.name);
      if (entry == entries_.end() || entry->second.uniqueid != id) {
        sink_({4, record.type.deleted || is_former(record), record.name,
               "the record of unique id " + id + " names a mailbox that is not in the list"});
      }
    }
  }
  // 3.6.0 and 3.6.1 leave such records behind when they remove a deleted mailbox for good.
  [[nodiscard]] bool is_former(const MailboxEntry& record) const {
    const auto name = names::MailboxName::from_internal(record.name, store_.name_space());
    return name && name->is_deleted();
  }
  void check_former_name(const MailboxEntry& tombstone, const MailboxEntry& record) {
    const bool known = record.name == tombstone.name ||
                       std::any_of(record.history.begin(), record.history.end(),
                                   [&](const auto& former) { return former.name == tombstone.name; });
    if (!known) {
      found(4, tombstone.name, "deleted name that the history of its unique id does not have");
    }
  }
  void check_same(const MailboxEntry& entry, const MailboxEntry& record) {
    MailboxEntry other = record;
    other.history.clear();
    if (other != entry) {
      found(4, entry.name, "differs from the record of its unique id " + entry.uniqueid);
    }
  }

  // 5, 17: a unique id belongs to one mailbox.
  void check_shared_ids() {
    std::map<std::string, std::string> owners;
    for (const auto& [name, entry] : entries_) {
      if (!active(entry) || entry.uniqueid.empty()) {
        continue;
      }
      const auto [owner, fresh] = owners.emplace(entry.uniqueid, name);
      if (!fresh) {
        const unsigned which = is_former(entry) || is_former(entries_.at(owner->second)) ? 17 : 5;
        found(which, name, fmt::format("has the unique id {} of {}", entry.uniqueid, owner->second));
      }
    }
  }

  // 9: mailboxes of a user need an INBOX.
  void check_parents() {
    std::set<std::string> reported;
    for (const auto& [name, entry] : entries_) {
      const auto parsed = names::MailboxName::from_internal(name, store_.name_space());
      if (!active(entry) || !parsed || !parsed->is_user() || parsed->is_deleted() || parsed->is_inbox()) {
        continue;
      }
      const auto inbox = names::MailboxName::inbox_of(parsed->user()).to_internal(store_.name_space());
      const auto at = entries_.find(inbox);
      if ((at == entries_.end() || at->second.type.deleted) && reported.insert(inbox).second) {
        found(9, name, "its user has no INBOX " + inbox);
      }
    }
  }

  // 13: derived records.
  Status check_reverse_records() {
    CYR_TRY(const auto rules, list_->reverse_rules());
    if (rules.acl == meta::ReverseAclForm::none && !rules.ids) {
      for (const auto& key : reverse_) {
        found(13, key, "reverse record in a list that has none");
      }
      return success();
    }
    std::set<std::string> expected;
    for (const auto& [name, entry] : entries_) {
      for (auto& key : meta::reverse_keys(entry, rules)) {
        expected.insert(std::move(key));
      }
    }
    const auto is_mark = [](const std::string& key) {
      return key == meta::reverse_acl_mark || key == meta::reverse_acl_mark_keyed ||
             key == meta::reverse_id_mark;
    };
    for (const auto& key : reverse_) {
      if (!expected.contains(key) && !is_mark(key)) {
        found(13, key, "reverse record that no mailbox asks for");
      }
    }
    for (const auto& key : expected) {
      if (!reverse_.contains(key)) {
        found(13, key, "reverse record is missing");
      }
    }
    return success();
  }

  // 6, 7, 8, 16: every record has its directory, every directory its record.
  Status check_directories() {
    std::map<fs::path, std::string> places;
    for (const auto& [name, entry] : entries_) {
      if (!active(entry)) {
        continue;
      }
      const auto files = store_.files(entry);
      if (!files) {
        continue;  // 2 or 3 has said why
      }
      places.emplace(files->header.parent_path(), name);
      CYR_TRY(const bool there, store_.io().exists(files->header.parent_path()));
      if (!there) {
        missing_.insert(name);
      }
    }
    CYR_TRY(const auto scan, scan_partitions(store_, {}, stop_));
    for (const auto& error : scan.unreadable) {
      found(7, error.path.native(), "cannot be listed: " + error.text());
    }
    for (const auto& mailbox : scan.mailboxes) {
      if (!places.contains(mailbox.directory)) {
        check_stray(mailbox);
      }
    }
    for (const auto& name : missing_) {
      found(6, name, "its directory is missing");
    }
    return success();
  }

  void check_stray(const FoundMailbox& mailbox) {
    const auto& there = mailbox.entry;
    const MailboxEntry* entry = nullptr;
    for (const auto& [name, candidate] : entries_) {
      const bool same = mailbox.by_id ? candidate.uniqueid == there.uniqueid : name == there.name;
      entry = same && active(candidate) ? &candidate : entry;
    }
    if (entry == nullptr) {
      found(
          7, mailbox.directory.native(),
          "holds a mailbox that mailboxes.db does not have" + (there.name.empty() ? "" : ": " + there.name));
      return;
    }
    const bool alone = missing_.erase(entry->name) != 0;
    const bool other_partition = there.partition != entry->partition;
    found(other_partition ? 16 : 8, entry->name,
          fmt::format("{} {}, {}", alone ? "lies in" : "lies also in", mailbox.directory.native(),
                      other_partition ? "on partition " + there.partition + ", not " + entry->partition
                                      : "which its record does not mean"));
  }

  // 12: headers and quota roots know each other.
  Status check_quota_roots() {
    auto quotas = store_.quotas();
    if (!quotas && quotas.error().code == Errc::not_found) {
      return success();
    }
    CYR_TRY(meta::Quotas * all, std::move(quotas));
    std::set<std::string> roots;
    CYR_CHECK(all->for_each("",
                            [&](std::string_view name, std::string_view,
                                const Result<meta::QuotaRoot>& root) -> Result<db::Visit> {
                              roots.emplace(name);
                              if (!root) {
                                found(12, std::string(name),
                                      "quota root cannot be read: " + root.error().text());
                              }
                              return db::Visit::go_on;
                            }));
    for (const auto& root : roots) {
      const bool used = std::any_of(entries_.begin(), entries_.end(), [&](const auto& item) {
        return active(item.second) && meta::covers(root, item.first);
      });
      if (!used) {
        warn(12, root, "quota root of no mailbox");
      }
    }
    for (const auto& [name, entry] : entries_) {
      check_quota_of(entry, roots);
    }
    return success();
  }
  void check_quota_of(const MailboxEntry& entry, const std::set<std::string>& roots) {
    const auto files =
        active(entry) ? store_.files(entry) : Result<store::MailboxFiles>(make_error(Errc::invalid, ""));
    const auto bytes = files ? store_.io().read_file(files->header) : Result<FileBytes>(files.error());
    const auto header =
        bytes ? mailbox::decode_header(bytes->bytes()) : Result<mailbox::MailboxHeader>(bytes.error());
    const std::string root = header ? header->quotaroot.value_or("") : "";
    if (!root.empty() && !roots.contains(root)) {
      found(12, entry.name, "its header names the quota root " + root + ", which there is not");
    }
  }

  // 15: files of users without an INBOX.
  Status check_user_files() {
    std::set<std::string> inbox_ids;
    std::set<fs::path> known;
    for (const auto& [name, entry] : entries_) {
      const auto parsed = names::MailboxName::from_internal(name, store_.name_space());
      if (active(entry) && parsed && parsed->is_inbox()) {
        inbox_ids.insert(entry.uniqueid);
        for (const char* suffix :
             {"seen", "sub", "mboxkey", "conversations", "counters", "dav", "xapianactive"}) {
          if (auto path = store_.paths().user_file_by_name(parsed->user(), suffix)) {
            known.insert(std::move(*path));
          }
        }
      }
    }
    return store::each_database(store_, store::DatabaseScope::users, [&](const store::DatabaseFile& file) {
      const bool by_id = file.path.extension() == ".db";
      const bool owned =
          by_id ? inbox_ids.contains(file.path.parent_path().filename().string()) : known.contains(file.path);
      if (!owned) {
        warn(15, file.path.native(), "belongs to no user with an INBOX");
      }
      return success();
    });
  }

  store::Store& store_;
  const ViolationSink& sink_;
  const std::atomic<bool>* stop_;
  meta::MailboxList* list_ = nullptr;
  std::map<std::string, MailboxEntry> entries_, by_id_;  // by name; by unique id
  std::set<std::string> reverse_;
  std::set<std::string> missing_;  // names of mailboxes without their directory
};

}  // namespace

Status check_invariants(store::Store& store, const ViolationSink& sink, const std::atomic<bool>* stop) {
  Invariants invariants(store, sink, stop);
  return invariants.run();
}

}  // namespace cyr::check

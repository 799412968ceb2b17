// A planned list as a database file, in place of the old one.
#include <algorithm>
#include <map>
#include <set>

#include "format/check/list_plan.h"
#include "format/db/new_file.h"

namespace cyr::check {

namespace {

using meta::MailboxEntry;

class Writer {
 public:
  Writer(store::Store& store, const ListPlan& plan, std::int64_t now)
      : store_(store), plan_(plan), now_(now) {
    rules_.admins = store.config().words(conf::Option::admins);
    rules_.name_space = store.name_space();
    const ListSource& old = plan.sources.front();
    const bool wanted = old.lost() ? store.config().is_on(conf::Option::reverseacls) : old.reverse_acls;
    if (wanted && plan.format >= meta::ListFormat::dlist_30) {
      rules_.acl = meta::is_keyed(plan.format) ? meta::ReverseAclForm::keyed
                   : old.reverse_ids           ? meta::ReverseAclForm::dollar
                                               : meta::ReverseAclForm::lookup_only;
    }
    rules_.ids = old.reverse_ids && plan.format == meta::ListFormat::dlist_32;
  }

  const std::map<std::string, std::string>& run() {
    carry_over();
    for (const auto& planned : plan_.entries) {
      if (planned.entry.type.local() && !planned.entry.uniqueid.empty()) {
        active_.insert(planned.entry.uniqueid);
      } else if (planned.entry.type.deleted && !planned.entry.uniqueid.empty()) {
        tombstones_.emplace(planned.entry.uniqueid, &planned.entry);
      }
    }
    for (const auto& planned : plan_.entries) {
      put(planned);
    }
    put_marks();
    return records_;
  }

 private:
  [[nodiscard]] bool same_form() const {
    const ListSource& old = plan_.sources.front();
    return old.format == plan_.format && !old.mixed;
  }

  // Records of the present list that stand for no entry of the plan: user groups, records by id whose name
  // has expired.
  void carry_over() {
    if (!meta::is_keyed(plan_.format)) {
      return;
    }
    for (const auto& [key, value] : plan_.sources.front().records) {
      if (value.empty() || (same_form() && key.starts_with('I'))) {
        records_.emplace(key, value);
      }
    }
  }

  void put(const PlannedEntry& planned) {
    MailboxEntry entry = planned.entry;
    if (planned.changed || entry.mtime == 0) {
      entry.mtime = now_;
    }
    const std::string key = meta::name_key(entry.name, plan_.format);
    const auto& old = plan_.sources.front().records;
    const auto raw = old.find(key);
    const bool keep = !planned.changed && same_form() && raw != old.end();
    records_.insert_or_assign(key, keep ? raw->second : meta::encode_entry(entry, plan_.format));
    if (meta::is_keyed(plan_.format) && !entry.uniqueid.empty()) {
      put_by_id(entry, keep);
    }
    for (auto& reverse : meta::reverse_keys(entry, rules_)) {
      records_.emplace(std::move(reverse), "");
    }
  }

  // The record by id tells something else than the one by name, which is what servers look up (store.md 3.9,
  // 4). A name that was left is in its history.
  [[nodiscard]] bool contradicts(const std::string& key, const MailboxEntry& entry) {
    if (!plan_.rewrite || entry.type.deleted) {
      return false;
    }
    const auto parsed = meta::parse_list_key(key, plan_.format);
    const auto found = meta::decode_uniqueid_record(parsed.name, records_.at(key));
    return !found || found->name != entry.name || !(found->type == entry.type) ||
           found->partition != entry.partition || found->uidvalidity != entry.uidvalidity ||
           found->createdmodseq != entry.createdmodseq || found->foldermodseq != entry.foldermodseq ||
           found->acl != entry.acl;
  }

  // An id's record is that of its active name; a name that was left is in the history.
  void put_by_id(MailboxEntry& entry, bool keep) {
    const std::string key = meta::uniqueid_key(entry.uniqueid);
    if ((keep && records_.contains(key) && !contradicts(key, entry)) ||
        (entry.type.deleted && active_.contains(entry.uniqueid))) {
      return;
    }
    if (entry.history.empty() && entry.type.local()) {
      add_history(entry);
    }
    records_.insert_or_assign(key, meta::encode_uniqueid_record(entry, plan_.format));
  }

  // As the upgrade of 3.6 makes it: the tombstones with the same id, newest first.
  void add_history(MailboxEntry& entry) const {
    const auto [first, last] = tombstones_.equal_range(entry.uniqueid);
    for (auto it = first; it != last; ++it) {
      const MailboxEntry& former = *it->second;
      entry.history.push_back({former.name, former.mtime, former.uidvalidity, former.createdmodseq,
                               former.foldermodseq, former.type, former.partition});
    }
    std::stable_sort(entry.history.begin(), entry.history.end(), [](const auto& a, const auto& b) {
      return std::pair(a.foldermodseq, a.mtime) > std::pair(b.foldermodseq, b.mtime);
    });
  }

  void put_marks() {
    if (rules_.acl == meta::ReverseAclForm::keyed) {
      records_.emplace(meta::reverse_acl_mark_keyed, "");
    } else if (rules_.acl != meta::ReverseAclForm::none) {
      records_.emplace(meta::reverse_acl_mark, rules_.acl == meta::ReverseAclForm::dollar ? "3" : "");
    }
    if (rules_.ids) {
      records_.emplace(meta::reverse_id_mark, "1");
    }
  }

  store::Store& store_;
  const ListPlan& plan_;
  const std::int64_t now_;
  meta::ReverseRules rules_;
  std::set<std::string> active_;
  std::multimap<std::string, const MailboxEntry*> tombstones_;
  std::map<std::string, std::string> records_;
};

}  // namespace

Status apply_list_plan(store::Store& store, const ListPlan& plan, store::SavedCopies& saved,
                       std::string_view reason, std::int64_t now) {
  const fs::path target = store.paths().mailboxes_db();
  const fs::path temporary = target.native() + ".NEW";
  Io& io = store.io();
  CYR_TRY(const bool left_over, io.exists(temporary));
  if (left_over) {
    CYR_CHECK(saved.before_remove(temporary, {"", reason}));  // it may be a state that somebody wants
    CYR_CHECK(io.unlink(temporary));
  }
  Writer writer(store, plan, now);
  const auto& records = writer.run();
  CYR_CHECK(
      db::write_new_file(io, temporary, plan.kind, records, {.create = true, .order = {}, .mode = 0600}));
  CYR_TRY(const bool there, io.exists(target));
  CYR_CHECK(there ? saved.before_replace(target, {"", reason}) : saved.before_create(target, {"", reason}));
  store.close_databases();
  CYR_CHECK(io.rename(temporary, target));
  CYR_CHECK(io.sync_directory(target.parent_path()));
  return saved.settle("");
}

}  // namespace cyr::check

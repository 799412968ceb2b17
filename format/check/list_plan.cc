#include "format/check/list_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "format/base/text.h"
#include "format/check/list_layout.h"
#include "format/check/list_target.h"
#include "format/check/unique_id.h"

namespace cyr::check {

namespace {

using meta::MailboxEntry;

class Planner {
 public:
  Planner(store::Store& store, const PlanOptions& options) : store_(store), options_(options) {}

  Result<ListPlan> run() {
    CYR_TRY(plan_.sources, read_list_sources(store_));
    CYR_TRY(auto scan,
            scan_partitions(store_,
                            {.partition = {}, .stop = options_.stop, .jobs = options_.jobs, .bare = true}));
    for (const auto& error : scan.unreadable) {
      return error;  // a list without the mailboxes of a disk that fails would lose them
    }
    found_ = std::move(scan.mailboxes);
    set_foreign_aside();
    CYR_CHECK(choose_target(store_, options_.release, found_, plan_));
    keyed_ = meta::is_keyed(plan_.format);
    CYR_TRY(plan_.resumed, read_conversion_mark(store_));
    leave_out_moved();
    CYR_TRY(plan_.absent, find_absent_roots(store_));
    index_found();
    take_present();
    take_directories();
    take_earlier();
    take_unreadable();
    CYR_CHECK(settle_ids());
    add_intermediates();
    CYR_CHECK(finish());
    return std::move(plan_);
  }

 private:
  [[nodiscard]] const ListSource& present() const { return plan_.sources.front(); }

  // Of an interrupted conversion: the old directories where the list has the new ones, else what it has made.
  void leave_out_moved() {
    std::set<fs::path> directories;
    for (const auto& move : plan_.resumed ? plan_.resumed->moves : std::vector<DirectoryMove>{}) {
      if (list_is_new(plan_)) {
        directories.insert(move.from);
      } else if (move.made) {
        directories.insert(move.to);
      }
    }
    std::erase_if(found_, [&](const FoundMailbox& found) { return directories.contains(found.directory); });
  }

  void index_found() {
    for (std::size_t i = 0; i < found_.size(); ++i) {
      FoundMailbox& found = found_[i];
      if (found.by_id) {
        by_id_.emplace(found.entry.uniqueid, i);
        if (found.entry.name.empty()) {
          found.entry.name = name_of_id(found.entry.uniqueid);
        }
      }
      if (!found.entry.uniqueid.empty()) {
        by_any_id_.emplace(found.entry.uniqueid, i);
      }
      if (!found.entry.name.empty()) {
        by_name_.emplace(found.entry.name, i);
      }
    }
    used_.assign(found_.size(), false);
  }

  // A list whose records contradict the headers more often than not is that of another store: nothing but a
  // look at it by an administrator could make it of use.
  void set_foreign_aside() {
    ListSource& source = plan_.sources.front();
    std::uint64_t agree = 0, contradict = 0;
    for (const auto& found : found_) {
      const MailboxEntry* entry = found.header_sound ? source.find(found.entry.name) : nullptr;
      if (entry != nullptr && entry->type.local()) {
        const bool same = entry->uniqueid.empty() || found.entry.uniqueid.empty()
                              ? entry->acl.value_or("") == found.entry.acl.value_or("")
                              : entry->uniqueid == found.entry.uniqueid;
        (same ? agree : contradict) += 1;
      }
    }
    if (contradict <= agree) {
      return;
    }
    ListSource none;
    none.path = source.path;
    none.title = source.title;
    none.there = source.there;
    none.damage = fmt::format(
        "it is the list of another store: {} of {} mailboxes have another unique id or access "
        "list in their header",
        contradict, agree + contradict);
    source.foreign = true;
    source.title += " of another store";
    plan_.sources.insert(plan_.sources.begin(), std::move(none));
  }

  // The name of a directory by id whose header is lost: what any list says.
  [[nodiscard]] std::string name_of_id(const std::string& uniqueid) const {
    for (const auto& source : plan_.sources) {
      for (const auto& [name, entry] : source.entries) {
        if (!source.foreign && entry.uniqueid == uniqueid && !entry.type.deleted) {
          return name;
        }
      }
    }
    return {};
  }

  PlannedEntry& plan(Verdict verdict, MailboxEntry entry, std::string source, std::string reason) {
    const std::string name = entry.name;
    PlannedEntry& out = planned_[name];
    out = {.verdict = verdict,
           .entry = std::move(entry),
           .source = std::move(source),
           .reason = std::move(reason),
           .directory = {},
           .shared_id = {}};
    return out;
  }

  void lost(std::string name, fs::path path, std::string reason) {
    const bool is_directory = !path.empty() && path != present().path;
    plan_.lost_found.push_back({std::move(name), std::move(path), std::move(reason), is_directory});
  }

  // 1. What the present list has stays.
  void take_present() {
    for (const auto& [name, entry] : present().entries) {
      PlannedEntry& planned = plan(Verdict::kept, entry, present().title, {});
      const bool elsewhere = entry.type.local() && (present().salvaged || lost_its_directory(entry));
      const std::string* now = elsewhere ? present_name(entry) : nullptr;
      if (now != nullptr) {
        entomb(planned, *now);
      } else if (entry.type.local()) {
        fill_in(planned);
      } else if (entry.type.reserved || entry.type.moving) {
        planned.reason = "left over from an interrupted operation; ctl_cyrusdb -r settles it";
      }
      convert(planned.entry, !meta::is_keyed(present().format.value_or(plan_.format)));
      planned.changed = planned.changed || !(planned.entry == entry);
    }
  }

  // No directory of its name or id, on a partition that can be seen: the mailbox may be one that lies under
  // another name, after a rename that was cut short, or an upgrade with another default domain.
  [[nodiscard]] bool lost_its_directory(const MailboxEntry& entry) {
    return !entry.uniqueid.empty() && !by_name_.contains(entry.name) && !by_id_.contains(entry.uniqueid) &&
           absent_root(entry.partition) == nullptr;
  }

  // A damaged list may show a record that was replaced when its mailbox was renamed or deleted: the mailbox
  // lies under another name now. Nothing: it does not.
  [[nodiscard]] const std::string* present_name(const MailboxEntry& entry) const {
    const std::string* elsewhere = nullptr;
    const auto [first, last] = by_any_id_.equal_range(entry.uniqueid);
    for (auto it = first; it != last; ++it) {
      const std::string& name = found_[it->second].entry.name;
      if (name == entry.name) {
        return nullptr;
      }
      elsewhere = name.empty() ? elsewhere : &name;
    }
    return elsewhere;
  }

  static void entomb(PlannedEntry& planned, const std::string& now) {
    MailboxEntry& entry = planned.entry;
    entry.type.deleted = true;
    entry.partition.clear();
    entry.acl.reset();
    entry.history.clear();
    planned.verdict = Verdict::restored;
    planned.reason = "renamed or deleted: it is " + now + " now";
  }

  // A record of an older form is of a mailbox whose directory has its name.
  void convert(MailboxEntry& entry, bool from_old) const {
    if (keyed_ && from_old) {
      entry.type.legacy_dirs = true;
    } else if (!keyed_) {
      entry.type.legacy_dirs = false;
      entry.history.clear();
    }
  }

  // The directory of a listed mailbox, and what the record lacks.
  void fill_in(PlannedEntry& planned) {
    MailboxEntry& entry = planned.entry;
    const FoundMailbox* found = claim(entry);
    if (found == nullptr) {
      planned.directory_missing = true;
      planned.reason = "its directory is missing";
      return;
    }
    planned.directory = found->directory;
    if (found->by_id) {
      by_id_ids_.insert(found->entry.uniqueid);
    }
    if (found->entry.partition != entry.partition) {
      planned.verdict = Verdict::restored;
      planned.reason = fmt::format("lies on partition {}, not {}", found->entry.partition, entry.partition);
      entry.partition = found->entry.partition;
    }
    if (entry.uniqueid.empty() && plan_.format > meta::ListFormat::text) {
      entry.uniqueid = found->entry.uniqueid;
    }
    if (present().salvaged && found->acl_sound) {
      entry.acl = found->entry.acl;
    }
    if (entry.uidvalidity == 0 && plan_.format > meta::ListFormat::text) {
      entry.uidvalidity = found->entry.uidvalidity;
    }
  }

  // The found directory that belongs to a listed mailbox; marked as used.
  const FoundMailbox* claim(const MailboxEntry& entry) {
    const bool listed_keyed = meta::is_keyed(present().format.value_or(plan_.format));
    const bool wants_id = listed_keyed && !entry.type.legacy_dirs && !entry.uniqueid.empty();
    std::optional<std::size_t> best;
    const auto rank = [&](std::size_t i) {
      const FoundMailbox& found = found_[i];
      return std::tuple(found.by_id == wants_id, found.entry.partition == entry.partition, !found.bare,
                        entry.uniqueid.empty() || found.entry.uniqueid == entry.uniqueid);
    };
    const auto consider = [&](const auto& range) {
      for (auto it = range.first; it != range.second; ++it) {
        if (!used_[it->second] && (!best || rank(it->second) > rank(*best))) {
          best = it->second;
        }
      }
    };
    consider(by_name_.equal_range(entry.name));
    if (!entry.uniqueid.empty()) {
      consider(by_id_.equal_range(entry.uniqueid));
    }
    if (!best) {
      return nullptr;
    }
    used_[*best] = true;
    return &found_[*best];
  }

  // 2. Every directory that no entry has.
  void take_directories() {
    for (std::size_t i = 0; i < found_.size(); ++i) {
      if (used_[i]) {
        continue;
      }
      used_[i] = true;
      const FoundMailbox& found = found_[i];
      const std::string& name = found.entry.name;
      if (name.empty()) {
        lost(found.entry.uniqueid, found.directory, "nothing tells its name");
        continue;
      }
      const auto known = planned_.find(name);
      const bool listed = known != planned_.end() && known->second.entry.type.local();
      const auto better = better_directory(i);
      if (found.by_id && !by_id_ids_.insert(found.entry.uniqueid).second) {
        lost(name, found.directory, "a second directory of its unique id");
      } else if (listed || better) {
        lost(name, found.directory,
             fmt::format("a second directory of {}", listed ? known->second.directory.native() : name));
      } else {
        take_directory(found);
      }
    }
  }

  // Another unused directory of the same name that is to be preferred: whole header, index, and where an
  // earlier list had it.
  [[nodiscard]] std::optional<std::size_t> better_directory(std::size_t i) const {
    const auto earlier = earlier_entry(found_[i].entry.name);
    const auto rank = [&](const FoundMailbox& found) {
      return std::tuple(found.header_sound, found.has_index,
                        earlier.second != nullptr && earlier.second->partition == found.entry.partition,
                        found.changed);
    };
    const auto [first, last] = by_name_.equal_range(found_[i].entry.name);
    for (auto it = first; it != last; ++it) {
      if (!used_[it->second] && rank(found_[it->second]) > rank(found_[i])) {
        return it->second;
      }
    }
    return {};
  }

  using Earlier = std::pair<const ListSource*, const MailboxEntry*>;
  // The newest earlier record of a local mailbox of this name.
  [[nodiscard]] Earlier earlier_entry(const std::string& name) const {
    for (std::size_t i = 1; i < plan_.sources.size(); ++i) {
      const auto* entry = plan_.sources[i].find(name);
      if (entry != nullptr && entry->type.local() && !plan_.sources[i].foreign) {
        return {&plan_.sources[i], entry};
      }
    }
    return {nullptr, nullptr};
  }

  void take_directory(const FoundMailbox& found) {
    auto [source, earlier] = earlier_entry(found.entry.name);
    const bool same = earlier != nullptr && (found.entry.uniqueid.empty() || earlier->uniqueid.empty() ||
                                             earlier->uniqueid == found.entry.uniqueid);
    if (!same) {
      source = nullptr;
      earlier = nullptr;
    }
    MailboxEntry entry = found.entry;
    Verdict verdict = Verdict::restored;
    std::string origin = found.changed != 0 ? "cyrus.header" : found.has_index ? "cyrus.index" : "directory";
    std::string reason;
    const auto tombstone = planned_.find(entry.name);
    if (tombstone != planned_.end() && tombstone->second.entry.type.deleted) {
      reason = "deleted by the list, but its directory is there";
    }
    if (earlier != nullptr) {
      origin = source->title + (found.bare ? "" : ", " + origin);
      take_from_earlier(entry, *earlier, found, *source);
    }
    if (entry.acl.value_or("").empty() && !found.acl_sound && earlier == nullptr) {
      entry.acl = invented_acl(entry.name);
      verdict = Verdict::invented;
      reason = "no header tells its access list: made as for a new mailbox";
    }
    convert(entry, false);
    entry.type.legacy_dirs = keyed_ && !found.by_id;
    PlannedEntry& planned = plan(verdict, std::move(entry), std::move(origin), std::move(reason));
    planned.directory = found.directory;
    planned.changed = true;
  }

  // Header and index are newer than any copy of the list, with one exception: up to 2.3 a rename leaves
  // another access list in the header, which is older than the list then (store.md 3.9, item 6).
  static bool list_has_acl(const FoundMailbox& found, const ListSource& source) {
    const bool old_rename = source.format.value_or(meta::ListFormat::text) <= meta::ListFormat::extended_text;
    return !found.acl_sound || (old_rename && found.changed < source.changed);
  }

  static void take_from_earlier(MailboxEntry& entry, const MailboxEntry& earlier, const FoundMailbox& found,
                                const ListSource& source) {
    if (list_has_acl(found, source)) {
      entry.acl = earlier.acl;
    }
    if (entry.uniqueid.empty()) {
      entry.uniqueid = earlier.uniqueid;
    }
    if (!found.has_index) {
      entry.uidvalidity = earlier.uidvalidity;
      entry.createdmodseq = earlier.createdmodseq;
    }
    entry.foldermodseq = std::max(entry.foldermodseq, earlier.foldermodseq);
    if (!found.header_sound || entry.type.kind == meta::MailboxKind::email) {
      entry.type.kind = earlier.type.kind;
    }
    entry.history = earlier.history;
    entry.specialuse = earlier.specialuse;
  }

  // That of the nearest name above it, else what a new mailbox gets.
  [[nodiscard]] std::string invented_acl(const std::string& internal) const {
    const auto name = names::MailboxName::from_internal(internal, store_.name_space());
    for (auto above = name ? name->parent() : std::optional<names::MailboxName>(); above;
         above = above->parent()) {
      const auto known = planned_.find(above->to_internal(store_.name_space()));
      if (known != planned_.end() && !known->second.entry.acl.value_or("").empty()) {
        return *known->second.entry.acl;
      }
    }
    return new_mailbox_acl(store_, internal, plan_.format);
  }

  // 3. What only earlier lists have.
  void take_earlier() {
    for (std::size_t i = 1; i < plan_.sources.size(); ++i) {
      const ListSource& source = plan_.sources[i];
      for (const auto& [name, entry] : source.entries) {
        if (!planned_.contains(name) && seen_earlier_.insert(name).second) {
          take_earlier_entry(source, entry);
        }
      }
    }
  }

  void take_earlier_entry(const ListSource& source, const MailboxEntry& entry) {
    if (!entry.uniqueid.empty() && is_active_id(entry.uniqueid)) {
      return;  // renamed since
    }
    if (source.foreign) {
      lost(entry.name, {}, "only " + source.title + " has it");
      return;
    }
    if (entry.type.local()) {
      AbsentRoot* absent = absent_root(entry.partition);
      if (absent == nullptr && present().sound && !present().lost()) {
        return;  // deleted since
      }
      if (absent == nullptr) {
        lost(entry.name, {},
             fmt::format("only {} has it, and it has no directory: deleted since?", source.title));
        return;
      }
    } else if (present().sound && !present().lost() && !entry.type.remote) {
      return;  // a tombstone or name that has expired since
    }
    PlannedEntry& planned = plan(Verdict::restored, entry, source.title, {});
    planned.changed = true;
    if (entry.type.local()) {
      planned.directory_missing = true;
      planned.reason = "its partition cannot be seen";
    }
    convert(planned.entry, !meta::is_keyed(source.format.value_or(plan_.format)));
  }

  [[nodiscard]] bool is_active_id(const std::string& uniqueid) {
    if (active_ids_.empty()) {
      for (const auto& [name, planned] : planned_) {
        if (planned.entry.type.local() && !planned.entry.uniqueid.empty()) {
          active_ids_.insert(planned.entry.uniqueid);
        }
      }
    }
    return active_ids_.contains(uniqueid);
  }

  AbsentRoot* absent_root(const std::string& partition) {
    const auto found = std::find_if(plan_.absent.begin(), plan_.absent.end(),
                                    [&](const AbsentRoot& root) { return root.partition == partition; });
    return found == plan_.absent.end() ? nullptr : &*found;
  }

  void take_unreadable() {
    for (const auto& name : present().unreadable) {
      if (!planned_.contains(name)) {
        lost(name, present().path, "its record cannot be read, and nothing else tells of it");
      }
    }
  }

  // 4. Ids that are missing, and mailboxes that share one.
  Status settle_ids() {
    if (plan_.format == meta::ListFormat::text) {
      return success();
    }
    CYR_CHECK(ids_from_seen_state());
    std::map<std::string, std::vector<PlannedEntry*>> sharing;
    for (auto& [name, planned] : planned_) {
      MailboxEntry& entry = planned.entry;
      if (wants_id(planned)) {
        set_id(planned, make_uniqueid(), "its unique id is lost: a new one");
        planned.verdict = Verdict::invented;
      }
      if (entry.type.local()) {
        sharing[entry.uniqueid].push_back(&planned);
      }
    }
    for (auto& [uniqueid, claimants] : sharing) {
      if (claimants.size() > 1) {
        settle_clash(uniqueid, claimants);
      }
    }
    return success();
  }

  [[nodiscard]] static bool wants_id(const PlannedEntry& planned) {
    return planned.entry.uniqueid.empty() && (planned.changed || !planned.entry.type.deleted);
  }

  static void set_id(PlannedEntry& planned, std::string uniqueid, std::string reason) {
    planned.entry.uniqueid = std::move(uniqueid);
    planned.reason = std::move(reason);
    planned.changed = true;
  }

  // Users' seen state is filed under ids. Those of 2.0 to 2.4 are made of name and UIDVALIDITY, so a lost one
  // can be calculated; that of a mailbox which was renamed since still ends in the UIDVALIDITY.
  Status ids_from_seen_state() {
    const bool any = std::any_of(planned_.begin(), planned_.end(), [](const auto& one) {
      return wants_id(one.second) && one.second.entry.type.local();
    });
    if (!any) {
      return success();
    }
    CYR_TRY(auto unclaimed, seen_uniqueids(store_));
    for (const auto& [name, planned] : planned_) {
      unclaimed.erase(planned.entry.uniqueid);
    }
    // By UIDVALIDITY and owner: who reads a mailbox most is its owner.
    std::map<std::pair<std::uint32_t, std::string>, std::vector<PlannedEntry*>> left;
    for (auto& [internal, planned] : planned_) {
      if (!wants_id(planned) || !planned.entry.type.local()) {
        continue;
      }
      for (const auto& old : old_style_uniqueids(planned.entry)) {
        if (planned.entry.uniqueid.empty() && unclaimed.erase(old) != 0) {
          set_id(planned, old, "its unique id follows from name and UIDVALIDITY, and seen state has it");
        }
      }
      const auto name = names::MailboxName::from_internal(internal, store_.name_space());
      if (planned.entry.uniqueid.empty() && planned.entry.uidvalidity != 0) {
        left[{planned.entry.uidvalidity, name ? name->user().text() : ""}].push_back(&planned);
      }
    }
    for (const auto& [key, mailboxes] : left) {
      const std::string ending = fmt::format("{:08x}", key.first);
      std::vector<std::string> fitting;
      for (const auto& [id, users] : unclaimed) {
        if (id.size() == 16 && id.ends_with(ending) && (key.second.empty() || users.contains(key.second))) {
          fitting.push_back(id);
        }
      }
      if (mailboxes.size() == 1 && fitting.size() == 1 && unclaimed.erase(fitting.front()) != 0) {
        set_id(*mailboxes.front(), fitting.front(),
               "seen state has its unique id: the only one with its UIDVALIDITY");
      }
    }
    return success();
  }

  // The one whose name the id was made from keeps it, else the one that the list has, else the older
  // directory.
  void settle_clash(const std::string& uniqueid, std::vector<PlannedEntry*>& claimants) const {
    const auto rank = [&](const PlannedEntry* planned) {
      return std::tuple(uniqueid_fits_name(uniqueid, planned->entry.name), planned->verdict == Verdict::kept,
                        -changed_at(planned->directory));
    };
    std::stable_sort(claimants.begin(), claimants.end(),
                     [&](const auto* a, const auto* b) { return rank(a) > rank(b); });
    for (auto it = claimants.begin() + 1; it != claimants.end(); ++it) {
      PlannedEntry& planned = **it;
      if (keyed_ && !planned.entry.type.legacy_dirs) {
        continue;  // the directory has the id's name
      }
      planned.verdict = Verdict::conflicting;
      planned.reason =
          fmt::format("its unique id {} belongs to {}: a new one", uniqueid, claimants.front()->entry.name);
      planned.shared_id = uniqueid;
      planned.entry.uniqueid = make_uniqueid();
      planned.changed = true;
    }
  }

  // When the header of a planned mailbox was written; the end of time when there is none.
  [[nodiscard]] std::int64_t changed_at(const fs::path& directory) const {
    const auto found = std::find_if(found_.begin(), found_.end(), [&](const auto& one) {
      return one.changed != 0 && one.directory == directory;
    });
    return found == found_.end() ? std::numeric_limits<std::int64_t>::max() : found->changed;
  }

  // 5. Names that only have mailboxes below them (3.2 and later).
  void add_intermediates() {
    if (plan_.format < meta::ListFormat::dlist_32) {
      return;
    }
    std::map<std::string, bool> wanted;  // name: whether its children have directories by name
    for (const auto& [internal, planned] : planned_) {
      const auto name = names::MailboxName::from_internal(internal, store_.name_space());
      if (!name || name->is_deleted() || !planned.entry.type.local()) {
        continue;
      }
      for (auto above = name->parent(); above; above = above->parent()) {
        const std::string above_name = above->to_internal(store_.name_space());
        const auto known = planned_.find(above_name);
        if (known == planned_.end() || known->second.entry.type.deleted) {
          if (!above->is_inbox()) {
            wanted.emplace(above_name, planned.entry.type.legacy_dirs);
          } else if (missing_inboxes_.insert(above_name).second) {
            lost(above_name, {}, "it has mailboxes below it and is nowhere");
          }
        }
      }
    }
    for (const auto& [name, legacy] : wanted) {
      MailboxEntry entry;
      entry.name = name;
      entry.type.intermediate = true;
      entry.type.legacy_dirs = legacy;
      entry.uniqueid = make_uniqueid();
      entry.createdmodseq = entry.foldermodseq = 1;
      plan(Verdict::invented, std::move(entry), "names below it", "a name with mailboxes below it only")
          .changed = true;
    }
  }

  // In a list of this form; what has none is made anew on the way up, or tells of the past only.
  [[nodiscard]] bool has_place(const MailboxEntry& entry) const {
    if (present().format == plan_.format) {
      return true;
    }
    return entry.type.deleted ? plan_.format > meta::ListFormat::extended_text
                              : !entry.type.intermediate || plan_.format >= meta::ListFormat::dlist_32;
  }

  Status finish() {
    std::set<std::string, std::less<>> names;
    for (auto& [name, planned] : planned_) {
      if (AbsentRoot* root = planned.directory_missing ? absent_root(planned.entry.partition) : nullptr) {
        ++root->entries;
        planned.reason = "its partition cannot be seen";
      }
      names.insert(name);
      if (has_place(planned.entry)) {
        plan_.entries.push_back(std::move(planned));
      } else {
        ++(planned.entry.type.deleted ? plan_.dropped_tombstones : plan_.dropped_parents);
      }
    }
    CYR_TRY(const auto orphans, orphaned_names(store_, names));
    const bool unexplained = !orphans.empty();
    for (const auto& orphan : orphans) {
      plan_.lost_found.push_back(orphan);
    }
    // A list of a form with unique ids would get invented ones for mailboxes whose headers have others.
    const bool needs_headers = present().format && *present().format < meta::ListFormat::dlist_25 &&
                               plan_.format >= meta::ListFormat::dlist_25;
    plan_.refused = std::any_of(plan_.absent.begin(), plan_.absent.end(), [&](const AbsentRoot& root) {
      return root.entries == 0 ? unexplained : needs_headers;
    });
    return success();
  }

  store::Store& store_;
  const PlanOptions& options_;
  ListPlan plan_;
  bool keyed_ = true;
  std::vector<FoundMailbox> found_;
  std::vector<bool> used_;
  // Indexes into found_; by_id_ has the directories named after ids only.
  std::multimap<std::string, std::size_t> by_name_, by_id_, by_any_id_;
  std::map<std::string, PlannedEntry> planned_;
  std::set<std::string> by_id_ids_;  // whose directory is planned
  std::set<std::string> active_ids_, seen_earlier_, missing_inboxes_;
};

}  // namespace

std::string_view name_of(Verdict verdict) {
  constexpr std::string_view names[] = {"kept", "restored", "invented", "conflicting"};
  return names[static_cast<std::size_t>(verdict)];
}

std::uint64_t ListPlan::count(Verdict verdict) const {
  return static_cast<std::uint64_t>(
      std::count_if(entries.begin(), entries.end(), [&](const auto& one) { return one.verdict == verdict; }));
}

std::uint64_t ListPlan::missing_directories() const {
  return static_cast<std::uint64_t>(
      std::count_if(entries.begin(), entries.end(), [](const auto& one) { return one.directory_missing; }));
}

bool ListPlan::writes() const {
  const ListSource& old = sources.front();
  return rewrite || !old.sound || old.mixed || old.kind != kind || (old.format && old.format != format) ||
         std::any_of(entries.begin(), entries.end(), [](const auto& one) { return one.changed; });
}

Result<ListPlan> plan_mailbox_list(store::Store& store, const PlanOptions& options) {
  Planner planner(store, options);
  return planner.run();
}

}  // namespace cyr::check

// The steps for one mailbox: look at every file; put the old files in place (caches, header and the rest
// first, the index last); remove what was not there; records of shared databases; note it. What an
// interruption leaves is finished by the same undo, for which every step may have been done before.
#include "format/check/undo.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "format/base/text.h"
#include "format/check/undo_files.h"
#include "format/meta/mailbox_entry.h"
#include "format/store/status_cache.h"

namespace cyr::check {

namespace {

using store::SavedAction;
using store::SavedItem;

constexpr std::string_view kManifest = "manifest.jsonl";

// A path of a manifest that stays below its root.
bool is_below(const std::string& path) {
  const auto parts = split(path, '/');
  return !path.empty() && path.find('\0') == std::string::npos &&
         std::none_of(parts.begin(), parts.end(),
                      [](std::string_view part) { return part.empty() || part == "." || part == ".."; });
}

}  // namespace

Result<std::unique_ptr<Undo>> Undo::open(store::Store& store, const std::string& id,
                                         const std::string& fresh_id, const UndoOptions& options) {
  std::unique_ptr<Undo> undo(new Undo(store, options));
  CYR_CHECK(undo->load(id, fresh_id));
  return undo;
}

// Turns the lines of all manifests into what each path was and is.
class Undo::Planner {
 public:
  explicit Planner(Undo& undo) : undo_(undo) { find_shared(); }

  void run() {
    for (std::size_t i = 0; i < undo_.parts_.size(); ++i) {
      read_part(i);
    }
    for (const auto& name : undone_) {
      undo_.groups_.erase(name);
    }
  }

  [[nodiscard]] const std::string& by() const { return by_; }

 private:
  // Databases of which single records are taken back: those with lines for them, which nobody replaced whole.
  void find_shared() {
    std::set<fs::path> whole;
    for (const Part& part : undo_.parts_) {
      for (const SavedItem& item : part.items) {
        const fs::path path = part.root / item.path;
        if (item.action == SavedAction::record || item.action == SavedAction::entry ||
            item.action == SavedAction::usage) {
          shared_.insert(path);
        } else if (item.has_info() && item.action != SavedAction::changed &&
                   item.action != SavedAction::settled) {
          whole.insert(path);
        }
      }
    }
    for (const auto& path : whole) {
      shared_.erase(path);
    }
  }

  void read_part(std::size_t number) {
    const Part& part = undo_.parts_[number];
    live_.clear();
    owner_.clear();
    for (const SavedItem& item : part.items) {
      if (item.action == SavedAction::undone) {
        undone_.insert(item.mailbox);
      } else if (item.action == SavedAction::undoing) {
        by_ = item.by;
      } else if (is_below(item.path)) {
        Group& group = undo_.groups_[item.mailbox];
        group.parts.insert(number);
        take(part, item, group);
      }
    }
  }

  void take(const Part& part, const SavedItem& item, Group& group) {
    const fs::path path = part.root / item.path;
    switch (item.action) {
      case SavedAction::directory:
        group.directories.push_back(path);
        return;
      case SavedAction::record:
      case SavedAction::entry:
      case SavedAction::usage:
        if (shared_.contains(path)) {
          group.records.push_back({path, item});
        }
        return;
      case SavedAction::settled:
        settle(path, item);
        return;
      case SavedAction::created:
        if (shared_.contains(path)) {
          undo_.databases_.emplace(path, std::pair{fs::path(), FileInfo()});
        } else {
          original(path, item, group);
        }
        return;
      case SavedAction::renamed:
        rename(part, path, item, group);
        return;
      default:
        keep(part, path, item, group);
        return;
    }
  }

  // The state of `path` before the run; nothing when an earlier line has told it.
  PathState* original(const fs::path& path, const SavedItem& item, Group& group) {
    if (owner_.contains(path)) {
      return nullptr;
    }
    owner_.emplace(path, item.mailbox);
    PathState& state = group.files[path];
    state.info = item.info;
    return &state;
  }

  void keep(const Part& part, const fs::path& path, const SavedItem& item, Group& group) {
    if (!is_below(item.saved)) {
      return;
    }
    const fs::path kept = part.directory / item.saved;
    if (shared_.contains(path)) {
      undo_.databases_.emplace(path, std::pair{kept, item.info});
      return;
    }
    // A message that got another name, and then was put aside under that.
    if (const auto live = live_.find(path); live != live_.end()) {
      live->second->source = kept;
      live->second->kept = true;
      live_.erase(live);
    }
    if (PathState* state = original(path, item, group)) {
      state->source = kept;
      state->kept = true;
    }
  }

  void rename(const Part& part, const fs::path& path, const SavedItem& item, Group& group) {
    if (!is_below(item.to)) {
      return;
    }
    const fs::path to = part.root / item.to;
    if (PathState* state = original(path, item, group)) {
      state->source = to;
      live_[to] = state;
    }
    original(to, item, group);
  }

  void settle(const fs::path& path, const SavedItem& item) {
    if (const auto found = owner_.find(path); found != owner_.end()) {
      undo_.groups_[found->second].files[path].settled = item;
    }
  }

  Undo& undo_;
  std::string by_;
  std::set<fs::path> shared_;
  std::set<std::string> undone_;
  std::map<fs::path, std::string> owner_;  // which group tells about a path; of one part
  std::map<fs::path, PathState*> live_;    // renamed files by their new name
};

Status Undo::load(const std::string& id, const std::string& fresh_id) {
  if (id.empty() || id.find('/') != std::string::npos || id.front() == '.') {
    return make_error(Errc::invalid, fmt::format("'{}' is no id of a run", printable(id)));
  }
  id_ = id;
  const bool dry_run = store_.io().read_only();
  for (const auto& root : store_.saved_roots()) {
    const fs::path directory = store::saved_place(root, options_.undo_directory) / id;
    CYR_TRY(auto items, store::read_manifest(store_.io(), directory));
    if (!items) {
      continue;
    }
    Part part{.root = root, .directory = directory, .items = std::move(*items), .manifest = {}};
    if (!dry_run) {
      CYR_TRY(part.manifest,
              File::open(store_.io(), directory / std::string(kManifest), {.write = true}, 0600));
      CYR_CHECK(part.manifest.lock(LockMode::exclusive, LockWait::try_once));
    }
    parts_.push_back(std::move(part));
  }
  if (parts_.empty()) {
    return make_error(Errc::not_found, fmt::format("no run {} has kept anything", printable(id)))
        .with_hint("--list-undo lists the runs");
  }
  Planner planner(*this);
  planner.run();
  by_ = planner.by().empty() ? fresh_id : planner.by();
  for (const Part& part : parts_) {
    CYR_TRY(auto items,
            store::read_manifest(store_.io(), store::saved_place(part.root, options_.undo_directory) / by_));
    if (items) {
      std::move(items->begin(), items->end(), std::back_inserter(earlier_));
    }
  }
  if (groups_.empty()) {
    return make_error(Errc::invalid, planner.by().empty() ? fmt::format("run {} changed nothing", id)
                                                          : fmt::format("run {} was undone by {}", id, by_))
        .with_hint(planner.by().empty() ? "" : fmt::format("--undo {} takes that back", by_));
  }
  return success();
}

std::vector<std::string> Undo::mailboxes() const {
  std::vector<std::string> out;
  for (const auto& [name, group] : groups_) {
    if (!name.empty()) {
      out.push_back(name);
    }
  }
  if (groups_.contains("")) {
    out.emplace_back();
  }
  return out;
}

// By its entry; where there is none (the run made it, or the name is a quota root), by what its directory is.
Result<store::MailboxLock> Undo::lock(const std::string& mailbox, const Group& group,
                                      store::UserLocks& locks) {
  const auto purpose = store_.io().read_only() ? store::LockFor::examine : store::LockFor::replace;
  const auto list = store_.mailbox_list();
  if (list) {
    const auto entry = (*list)->find(mailbox);
    if (entry && *entry && (*entry)->type.local()) {
      CYR_TRY(const auto files, store_.files(**entry));
      return store::MailboxLock::take(store_.io(), files, purpose, locks);
    }
  }
  for (const auto& [path, state] : group.files) {
    const auto where = store_.paths().identify(path.parent_path());
    const auto name = names::MailboxName::from_internal(mailbox, store_.name_space());
    if (where && name) {
      CYR_TRY(const auto files, store_.files(names::MailboxPlace{.partition = where->partition,
                                                                 .name = *name,
                                                                 .uniqueid = where->identity.uniqueid,
                                                                 .layout = where->identity.layout}));
      return store::MailboxLock::take(store_.io(), files, purpose, locks);
    }
  }
  return store::MailboxLock();
}

Status Undo::look_at_record(const Record& record, UndoSummary& summary) {
  const SavedItem& item = record.item;
  std::optional<std::string> now;
  if (item.action == SavedAction::usage) {
    return success();  // a difference; it is right whatever the sum is now
  }
  if (item.action == SavedAction::entry) {
    CYR_TRY(now, list_value(store_, item.mailbox));
  } else {
    CYR_TRY(now, database_value(store_, record.path, item.key));
  }
  if (now != item.new_value && now != item.old_value) {
    summary.conflicts.push_back(
        item.action == SavedAction::entry || record.path == store_.paths().mailboxes_db()
            ? fmt::format("its record in {} changed since", record.path.filename().native())
            : fmt::format("record {} of {} changed since", printable(item.key), record.path.native()));
  }
  return success();
}

Status Undo::look(Group& group, UndoSummary& summary) {
  for (auto& [path, state] : group.files) {
    CYR_TRY(const auto seen,
            look_at_path(store_.io(), path, {state.source, state.info, state.kept, state.settled}));
    state.done = seen.done;
    if (seen.lost) {
      return make_error(Errc::not_found, "its old version is not kept any more").at(path);
    }
    if (!seen.conflict.empty()) {
      summary.conflicts.push_back(fmt::format("{} {}", path.native(), seen.conflict));
    }
  }
  for (const auto& record : group.records) {
    CYR_CHECK(look_at_record(record, summary));
  }
  return success();
}

Status Undo::restore_record(const Record& record, store::SavedCopies& saved) {
  const SavedItem& item = record.item;
  SavedItem back = item;
  std::swap(back.old_value, back.new_value);
  for (auto& amount : back.usage) {
    amount = -amount;
  }
  if (item.action == SavedAction::usage) {
    CYR_TRY(back.old_value, usage_value(store_, item.key));
    if (was_subtracted(back)) {
      return success();
    }
  }
  CYR_CHECK(saved.before_change(record.path, {item.mailbox, "undo"}));
  CYR_CHECK(saved.before_record(record.path, back));
  if (item.action == SavedAction::entry) {
    return put_list_value(store_, item.mailbox, back.new_value);
  }
  if (item.action == SavedAction::usage) {
    return add_usage(store_, item.key, back.usage);
  }
  return put_database_value(store_, record.path, item.key, back.new_value);
}

// True if an interrupted undo got as far as this: it noted the usage that it found, and it is another one
// now.
bool Undo::was_subtracted(const SavedItem& back) const {
  return std::any_of(earlier_.begin(), earlier_.end(), [&back](const SavedItem& item) {
    return item.action == SavedAction::usage && item.key == back.key && item.mailbox == back.mailbox &&
           item.old_value != back.old_value;
  });
}

// From the last to the first. Putting back a value once more does no harm; usages are differences, see
// was_subtracted().
Status Undo::restore_records(const Group& group, const std::string& mailbox, store::SavedCopies& saved) {
  for (auto record = group.records.rbegin(); record != group.records.rend(); ++record) {
    if (record->item.action != SavedAction::usage) {
      CYR_CHECK(restore_record(*record, saved));
    }
  }
  for (const auto& record : group.records) {
    if (record.item.action == SavedAction::usage) {
      CYR_CHECK(restore_record(record, saved));
    }
  }
  store::forget_status(store_, mailbox);
  return success();
}

Status Undo::mark(const Group& group, SavedAction action, const std::string& mailbox) {
  SavedItem item;
  item.action = action;
  item.mailbox = mailbox;
  item.by = by_;
  for (const std::size_t number : group.parts) {
    Part& part = parts_[number];
    CYR_TRY(const auto info, part.manifest.info());
    CYR_CHECK(part.manifest.write(as_bytes(store::encode_saved_item(item)), info.size));
    CYR_CHECK(part.manifest.sync());
  }
  return success();
}

Result<UndoSummary> Undo::undo(const std::string& mailbox, store::SavedCopies& saved,
                               store::UserLocks& locks) {
  const auto found = groups_.find(mailbox);
  if (found == groups_.end()) {
    return make_error(Errc::not_found, "the run did not change it, or that was undone");
  }
  Group& group = found->second;
  CYR_TRY(const auto held, lock(mailbox, group, locks));
  UndoSummary summary;
  CYR_CHECK(look(group, summary));
  summary.done = summary.conflicts.empty() || options_.force;
  FileRestorer files(store_.io(), saved, mailbox);
  for (const auto& [path, state] : group.files) {
    if (!state.done) {
      files.add(path, state.source, state.info, state.kept);
      ++(state.source ? summary.restored : summary.removed);
    }
  }
  summary.records = group.records.size();
  if (!summary.done || store_.io().read_only()) {
    return summary;
  }
  CYR_CHECK(mark(group, SavedAction::undoing, mailbox));
  CYR_CHECK(files.run());
  CYR_CHECK(remove_empty_directories(store_.io(), group.directories));
  CYR_CHECK(restore_records(group, mailbox, saved));
  for (const auto& [path, state] : group.files) {
    CYR_CHECK(saved.touch(path, mailbox));
  }
  CYR_CHECK(saved.settle(mailbox));
  CYR_CHECK(mark(group, SavedAction::undone, mailbox));
  for (const auto& [path, state] : group.files) {
    if (state.kept && state.source) {
      (void)store_.io().unlink(*state.source);  // live again: no later change may reach a kept file
    }
  }
  if (mailbox.empty()) {
    store_.close_databases();  // one of them may have been replaced
  }
  groups_.erase(found);
  return summary;
}

// A database whose records are all as they were becomes the file that it was. It is compared and replaced
// under its own lock, so nobody's change can be lost.
Status Undo::put_back_database(const fs::path& path, const fs::path& kept, const FileInfo& info,
                               store::SavedCopies& saved) {
  if (!kept.empty()) {
    CYR_TRY(const bool there, store_.io().exists(kept));
    if (!there) {
      return success();
    }
  }
  store_.close_databases();
  return replace_if_equal(store_, path, kept, info, saved);
}

Status Undo::finish(store::SavedCopies& saved) {
  if (store_.io().read_only()) {
    return success();
  }
  for (const auto& [path, kept] : databases_) {
    CYR_CHECK(put_back_database(path, kept.first, kept.second, saved));
  }
  return saved.settle("");
}

}  // namespace cyr::check

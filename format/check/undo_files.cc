#include "format/check/undo_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/db/database.h"
#include "format/meta/mailbox_list.h"
#include "format/meta/quota.h"

namespace cyr::check {

namespace {

bool same_content(const FileInfo& a, const FileInfo& b) {
  return a.size == b.size && a.mtime == b.mtime && a.mtime_nsec == b.mtime_nsec;
}

// Nothing when there is none.
Result<std::optional<FileInfo>> info_if_there(Io& io, const fs::path& path) {
  const auto info = io.lstat(path);
  if (info) {
    return std::optional(*info);
  }
  if (info.error().code == Errc::not_found) {
    return std::optional<FileInfo>();
  }
  return info.error();
}

fs::path staged_name(const fs::path& path) { return path.native() + ".NEW"; }

bool is_index(const fs::path& path) { return path.filename() == "cyrus.index"; }

}  // namespace

Result<SeenPath> look_at_path(Io& io, const fs::path& path, const WasAndIs& state) {
  SeenPath out;
  CYR_TRY(const auto now, info_if_there(io, path));
  std::optional<FileInfo> source;
  if (state.source) {
    CYR_TRY(source, info_if_there(io, *state.source));
    out.done = now && (source ? source->same_file(*now) : same_content(*now, state.info));
    out.lost = !out.done && !source;
  } else {
    out.done = !now;
  }
  if (out.done || out.lost) {
    return out;
  }
  if (!state.settled) {
    out.conflict = "may have been changed: the run was interrupted, or did not note how it left it";
  } else if (state.settled->gone) {
    out.conflict = now ? "was made since" : "";
  } else if (!now) {
    out.conflict = "is gone: the mailbox was renamed or deleted since";
  } else if (!same_content(*now, state.settled->info)) {
    out.conflict =
        fmt::format("changed since: {} bytes, the run left {}", now->size, state.settled->info.size);
  }
  return out;
}

void FileRestorer::add(const fs::path& path, const std::optional<fs::path>& source, const FileInfo& info,
                       bool kept) {
  tasks_.push_back({path, source, info, kept});
}

// The old file under the name `<path>.NEW`; a kept one gets the mode and time that it had.
Status FileRestorer::stage(const Task& task) {
  const fs::path staged = staged_name(task.path);
  CYR_CHECK(io_.make_directories(task.path.parent_path(), 0700));
  CYR_TRY(const auto left_over, info_if_there(io_, staged));
  if (left_over) {
    CYR_CHECK(io_.unlink(staged));
  }
  if (!io_.link(*task.source, staged)) {
    CYR_CHECK(store::copy_kept_file(io_, *task.source, staged, task.info));
  }
  CYR_TRY(const auto now, io_.lstat(staged));
  if (task.kept && now.kind == FileKind::regular) {
    if (now.mode != task.info.mode) {
      CYR_CHECK(io_.set_mode(staged, task.info.mode));
    }
    if (now.uid != task.info.uid || now.gid != task.info.gid) {
      (void)io_.set_owner(staged, task.info.uid, task.info.gid);  // only root may; nobody else could keep it
    }
    if (now.mtime != task.info.mtime || now.mtime_nsec != task.info.mtime_nsec) {
      CYR_CHECK(io_.set_mtime(staged, task.info.mtime, task.info.mtime_nsec));
    }
  }
  CYR_TRY(const auto replaced, info_if_there(io_, task.path));
  return replaced ? saved_.before_replace(task.path, why()) : saved_.before_create(task.path, why());
}

Status FileRestorer::put(const Task& task) {
  CYR_CHECK(io_.rename(staged_name(task.path), task.path));
  return io_.sync_directory(task.path.parent_path());
}

Status FileRestorer::remove(const Task& task) {
  CYR_TRY(const auto there, info_if_there(io_, task.path));
  if (!there) {
    return success();
  }
  CYR_CHECK(saved_.before_remove(task.path, why()));
  CYR_CHECK(io_.unlink(task.path));
  return io_.sync_directory(task.path.parent_path());
}

Status FileRestorer::run() {
  std::stable_sort(tasks_.begin(), tasks_.end(),
                   [](const Task& a, const Task& b) { return is_index(a.path) < is_index(b.path); });
  for (const auto& task : tasks_) {
    if (task.source) {
      CYR_CHECK(stage(task));
    }
  }
  for (const auto& task : tasks_) {
    if (task.source) {
      CYR_CHECK(put(task));
    }
  }
  for (const auto& task : tasks_) {
    if (!task.source) {
      CYR_CHECK(remove(task));
    }
  }
  return success();
}

Status remove_empty_directories(Io& io, const std::vector<fs::path>& made) {
  for (auto directory = made.rbegin(); directory != made.rend(); ++directory) {
    const auto entries = io.list(*directory);
    if (entries && entries->empty()) {
      CYR_CHECK(io.remove_directory(*directory));
    }
  }
  return success();
}

Result<std::optional<std::string>> list_value(store::Store& store, const std::string& mailbox) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  CYR_TRY(const auto entry, list->find(mailbox));
  return entry ? std::optional(meta::encode_entry(*entry, list->format())) : std::nullopt;
}

Status put_list_value(store::Store& store, const std::string& mailbox,
                      const std::optional<std::string>& value) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  if (!value) {
    return list->erase(mailbox);
  }
  auto entry = meta::decode_entry(mailbox, *value);
  if (!entry) {  // it was unreadable before the run, too
    return list->database().put(meta::name_key(mailbox, list->format()), *value);
  }
  const std::int64_t mtime = entry->mtime;
  return list->update(std::move(*entry), mtime);
}

Result<std::optional<std::string>> database_value(store::Store& store, const fs::path& path,
                                                  const std::string& key) {
  CYR_TRY(const bool there, store.io().exists(path));
  if (!there) {
    return std::optional<std::string>();
  }
  if (path == store.paths().mailboxes_db()) {
    CYR_TRY(meta::MailboxList * list, store.mailbox_list());
    return list->database().get(key);
  }
  CYR_TRY(const auto database, store.open_database(path, conf::Option::seenstate_db));
  return database->get(key);
}

Status put_database_value(store::Store& store, const fs::path& path, const std::string& key,
                          const std::optional<std::string>& value) {
  if (path == store.paths().mailboxes_db()) {
    CYR_TRY(meta::MailboxList * list, store.mailbox_list());
    return value ? list->database().put(key, *value) : list->database().erase(key);
  }
  CYR_TRY(const auto database, store.open_database(path, conf::Option::seenstate_db, true));
  return value ? database->put(key, *value) : database->erase(key);
}

Result<std::optional<std::string>> usage_value(store::Store& store, const std::string& root) {
  CYR_TRY(meta::Quotas * quotas, store.quotas());
  CYR_TRY(const auto record, quotas->get(root));
  return record ? std::optional(fmt::format("{}", fmt::join(record->used, " "))) : std::nullopt;
}

Status add_usage(store::Store& store, const std::string& root, const std::vector<std::int64_t>& usage) {
  meta::Usage change{};
  std::copy_n(usage.begin(), std::min(usage.size(), change.size()), change.begin());
  CYR_TRY(meta::Quotas * quotas, store.quotas());
  return quotas->change(root, [&change](std::optional<meta::QuotaRoot>& record) -> Result<bool> {
    if (record) {
      record->used = meta::add(record->used, change);
    }
    return record.has_value();
  });
}

namespace {

// What an undone run had made is removed when nobody else wrote into it.
Status remove_if_empty(store::Store& store, const fs::path& path, store::SavedCopies& saved) {
  CYR_TRY(const auto database, store.open_database(path, conf::Option::mboxlist_db));
  CYR_TRY(const auto transaction, database->begin());
  bool empty = true;
  CYR_CHECK(transaction->for_each("", [&empty](std::string_view, std::string_view) -> Result<db::Visit> {
    empty = false;
    return db::Visit::stop;
  }));
  if (empty) {
    FileRestorer restorer(store.io(), saved, {});
    restorer.add(path, {}, {}, false);
    CYR_CHECK(restorer.run());
  }
  return transaction->abort();
}

// Every record of `kept`, in order, is what the transaction sees, and no other.
Result<bool> same_records(db::Transaction& now, db::Database& kept) {
  std::string last;
  bool same = true;
  CYR_CHECK(now.for_each("", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
    CYR_TRY(const auto record, kept.next(last));
    same = record && record->first == key && record->second == value;
    last = std::string(key);
    return same ? db::Visit::go_on : db::Visit::stop;
  }));
  CYR_TRY(const auto more, kept.next(last));
  return same && !more;
}

bool is_plain_file(db::Kind kind) {
  return kind == db::Kind::flat || kind == db::Kind::skiplist || kind == db::Kind::twoskip ||
         kind == db::Kind::twom;
}

// A file of the quotalegacy tree; those of a domain lie below `domain/`.
bool is_quota_file(store::Store& store, const fs::path& path) {
  const auto quotas = store.quotas();
  return quotas && (*quotas)->database().kind() == db::Kind::quotalegacy &&
         path.native().find("/quota/") != std::string::npos;
}

Status put_in_place(Io& io, const fs::path& path, const fs::path& kept, const FileInfo& info,
                    store::SavedCopies& saved) {
  FileRestorer restorer(io, saved, {});
  restorer.add(path, kept, info, true);
  CYR_CHECK(restorer.run());
  return io.unlink(kept);
}

}  // namespace

Status replace_if_equal(store::Store& store, const fs::path& path, const fs::path& kept, const FileInfo& info,
                        store::SavedCopies& saved) {
  Io& io = store.io();
  CYR_TRY(const bool there, io.exists(path));
  if (!there) {
    return success();
  }
  if (kept.empty()) {
    return remove_if_empty(store, path, saved);
  }
  if (is_quota_file(store, path)) {
    CYR_TRY(const auto lock, open_locked(io, path, LockMode::exclusive, LockWait::block, {.write = true}));
    CYR_TRY(const auto now, io.read_file(path));
    CYR_TRY(const auto old, io.read_file(kept));
    return now.text() == old.text() ? put_in_place(io, path, kept, info, saved) : success();
  }
  CYR_TRY(const auto kind, db::detect(io, kept));
  if (!kind || !is_plain_file(*kind)) {
    return success();
  }
  CYR_TRY(const auto now, store.open_database(path, conf::Option::mboxlist_db));
  if (now->kind() != *kind) {
    return success();
  }
  CYR_TRY(const auto transaction, now->begin());
  CYR_TRY(const auto old, db::open(io, kept, *kind));
  CYR_TRY(const bool same, same_records(*transaction, *old));
  CYR_CHECK(same ? put_in_place(io, path, kept, info, saved) : success());
  return transaction->abort();
}

}  // namespace cyr::check

#include "format/store/saved_copies.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <set>

namespace cyr::store {

namespace {

constexpr std::string_view manifest_name = "manifest.jsonl";
constexpr ::mode_t kSavedDirectoryMode = 0700;

// `path` below `root` without its leading slash; nothing when it is elsewhere.
std::optional<std::string> relative_to(const fs::path& root, const fs::path& path) {
  const std::string& above = root.native();
  const std::string& whole = path.native();
  if (whole.size() > above.size() + 1 && whole.starts_with(above) && whole[above.size()] == '/') {
    return whole.substr(above.size() + 1);
  }
  return {};
}

// rename(2), or a copy where the other name is on another file system.
Status move_file(Io& io, const fs::path& from, const fs::path& to, const FileInfo& info) {
  const Status renamed = io.rename(from, to);
  if (renamed || renamed.error().sys_errno != EXDEV || info.kind != FileKind::regular) {
    return renamed;
  }
  CYR_CHECK(copy_kept_file(io, from, to, info));
  CYR_CHECK(io.sync_directory(to.parent_path()));
  return io.unlink(from);
}

SavedItem item_of(SavedAction action, std::string path, const SavedCopies::Why& why) {
  SavedItem item;
  item.action = action;
  item.path = std::move(path);
  item.mailbox = std::string(why.mailbox);
  item.reason = std::string(why.reason);
  return item;
}

}  // namespace

std::string new_saved_id(std::int64_t now, std::int64_t pid) {
  const auto seconds = static_cast<std::time_t>(now);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z-{}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, pid);
}

fs::path saved_place(const fs::path& root, const fs::path& undo_directory) {
  const fs::path above = undo_directory.empty() ? root : fs::path(undo_directory.native() + root.native());
  return above / std::string(saved_directory);
}

Status copy_kept_file(Io& io, const fs::path& from, const fs::path& to, const FileInfo& info) {
  CYR_TRY(const auto bytes, io.read_file(from));
  CYR_TRY(auto file, File::open(io, to, {.write = true, .create = true, .exclusive = true}, info.mode));
  CYR_CHECK(file.write(bytes.bytes(), 0));
  CYR_CHECK(io.set_mode(to, info.mode));  // whatever the umask says
  CYR_CHECK(file.sync());
  CYR_CHECK(file.close());
  return io.set_mtime(to, info.mtime, info.mtime_nsec);
}

SavedCopies::SavedCopies(Io& io, std::vector<fs::path> roots, std::string id, bool enabled,
                         fs::path undo_directory)
    : io_(io), id_(std::move(id)), enabled_(enabled), undo_directory_(std::move(undo_directory)) {
  std::sort(roots.begin(), roots.end());
  roots.erase(std::unique(roots.begin(), roots.end()), roots.end());
  // A partition below another root (configdirectory/spool) must be found before it: the longest path first.
  std::stable_sort(roots.begin(), roots.end(), [](const fs::path& a, const fs::path& b) {
    return a.native().size() > b.native().size();
  });
  for (auto& path : roots) {
    roots_.push_back({.path = std::move(path), .manifest = {}, .size = 0, .changed = {}, .touched = {}});
  }
}

fs::path SavedCopies::directory_of(const Root& root) const {
  return saved_place(root.path, undo_directory_) / id_;
}

std::vector<fs::path> SavedCopies::directories() const {
  const std::lock_guard guard(mutex_);
  std::vector<fs::path> out;
  for (const auto& root : roots_) {
    if (root.manifest.is_open()) {
      out.push_back(directory_of(root));
    }
  }
  return out;
}

Result<SavedCopies::Root*> SavedCopies::root_of(const fs::path& path) {
  for (auto& root : roots_) {
    if (relative_to(root.path, path)) {
      return &root;
    }
  }
  return make_error(Errc::invalid, "lies below no partition, so its old version cannot be kept").at(path);
}

Result<fs::path> SavedCopies::place_for(Root& root, const std::string& relative) {
  const fs::path top = directory_of(root);
  fs::path place = top / relative;
  CYR_CHECK(io_.make_directories(place.parent_path(), kSavedDirectoryMode));
  // A file that changes twice in one run keeps its first version under the plain name.
  for (int n = 2;; ++n) {
    CYR_TRY(const bool taken, io_.exists(place));
    if (!taken) {
      return place;
    }
    place = top / (relative + "~" + std::to_string(n));
  }
}

Status SavedCopies::open_manifest(Root& root) {
  if (root.manifest.is_open()) {
    return success();
  }
  const fs::path directory = directory_of(root);
  CYR_CHECK(io_.make_directories(directory, kSavedDirectoryMode));
  CYR_TRY(root.manifest,
          File::open(io_, directory / std::string(manifest_name), {.write = true, .create = true}, 0600));
  // Held as long as the run goes on: the limits of another run leave it alone.
  CYR_CHECK(root.manifest.lock(LockMode::exclusive, LockWait::try_once));
  CYR_TRY(const auto info, root.manifest.info());
  root.size = info.size;
  return success();
}

Status SavedCopies::append(Root& root, const SavedItem& item) {
  return append_lines(root, encode_saved_item(item));
}

Status SavedCopies::append_lines(Root& root, const std::string& text) {
  CYR_CHECK(open_manifest(root));
  CYR_CHECK(root.manifest.write(as_bytes(text), root.size));
  root.size += text.size();
  CYR_CHECK(root.manifest.sync());
  return io_.sync_directory(directory_of(root));
}

Status SavedCopies::keep(const fs::path& path, SavedAction action, Why why) {
  if (!enabled_) {
    return success();
  }
  const std::lock_guard guard(mutex_);
  const auto info = io_.lstat(path);
  if (!info && info.error().code != Errc::not_found) {
    return info.error();
  }
  CYR_TRY(Root * root, root_of(path));
  const std::string relative = *relative_to(root->path, path);
  const bool first = !root->changed.contains(relative);
  if (!info && (action != SavedAction::changed || !first)) {
    return success();
  }
  root->touched[relative] = std::string(why.mailbox);
  if (!first) {
    return success();
  }
  if (action == SavedAction::changed) {
    root->changed.emplace(relative, 1);
  }
  if (!info) {
    return append(*root, item_of(SavedAction::created, relative, why));
  }
  CYR_TRY(const fs::path place, place_for(*root, relative));
  // In place means that a link would change along; and a link may be refused (limit of links, other file
  // system).
  if (action == SavedAction::changed || !io_.link(path, place)) {
    CYR_CHECK(copy_kept_file(io_, path, place, *info));
  }
  CYR_CHECK(io_.sync_directory(place.parent_path()));
  SavedItem item = item_of(action, relative, why);
  item.saved = *relative_to(directory_of(*root), place);
  item.info = *info;
  return append(*root, item);
}

Status SavedCopies::note(const fs::path& path, SavedAction action, const fs::path& to, Why why) {
  if (!enabled_) {
    return success();
  }
  const std::lock_guard guard(mutex_);
  CYR_TRY(Root * root, root_of(path));
  SavedItem item = item_of(action, *relative_to(root->path, path), why);
  if (action == SavedAction::renamed) {
    CYR_TRY(item.info, io_.lstat(path));
    item.to = relative_to(root->path, to).value_or(to.native());
    root->touched[item.to] = item.mailbox;
  }
  if (action != SavedAction::directory) {
    root->touched[item.path] = item.mailbox;
  }
  return append(*root, item);
}

Status SavedCopies::make_directories(const fs::path& path, ::mode_t mode, Why why) {
  CYR_TRY(const bool there, io_.exists(path));
  if (there || path.empty()) {
    return success();
  }
  CYR_CHECK(make_directories(path.parent_path(), mode, why));
  if (root_of(path)) {
    CYR_CHECK(note(path, SavedAction::directory, {}, why));
  }
  return io_.make_directories(path, mode);
}

Result<fs::path> SavedCopies::move_aside(const fs::path& path, Why why) {
  const std::lock_guard guard(mutex_);
  CYR_TRY(const auto info, io_.lstat(path));
  CYR_TRY(Root * root, root_of(path));
  const std::string relative = *relative_to(root->path, path);
  CYR_TRY(fs::path place, place_for(*root, relative));
  SavedItem item = item_of(SavedAction::moved, relative, why);
  item.saved = *relative_to(directory_of(*root), place);
  item.info = info;
  CYR_CHECK(append(*root, item));
  root->touched[relative] = item.mailbox;
  CYR_CHECK(move_file(io_, path, place, info));
  CYR_CHECK(io_.sync_directory(place.parent_path()));
  CYR_CHECK(io_.sync_directory(path.parent_path()));
  return place;
}

Status SavedCopies::before_record(const fs::path& path, SavedItem item) {
  if (!enabled_) {
    return success();
  }
  const std::lock_guard guard(mutex_);
  CYR_TRY(Root * root, root_of(path));
  item.path = *relative_to(root->path, path);
  return append(*root, item);
}

Status SavedCopies::touch(const fs::path& path, std::string_view mailbox) {
  const std::lock_guard guard(mutex_);
  CYR_TRY(Root * root, root_of(path));
  root->touched[*relative_to(root->path, path)] = std::string(mailbox);
  return success();
}

Status SavedCopies::settle(std::string_view mailbox) {
  const std::lock_guard guard(mutex_);
  for (auto& root : roots_) {
    std::string lines;
    for (auto it = root.touched.begin(); it != root.touched.end();) {
      if (it->second != mailbox) {
        ++it;
        continue;
      }
      SavedItem item = item_of(SavedAction::settled, it->first, {mailbox, {}});
      const auto info = io_.lstat(root.path / it->first);
      if (info) {
        item.info = *info;
      } else if (info.error().code == Errc::not_found) {
        item.gone = true;
      } else {
        return info.error();
      }
      lines += encode_saved_item(item);
      it = root.touched.erase(it);
    }
    if (!lines.empty()) {
      CYR_CHECK(append_lines(root, lines));
    }
  }
  return success();
}

Result<std::optional<std::vector<SavedItem>>> read_manifest(Io& io, const fs::path& run_directory) {
  const auto manifest = io.read_file(run_directory / std::string(manifest_name));
  if (manifest) {
    return std::optional(decode_manifest(manifest->text()));
  }
  if (manifest.error().code == Errc::not_found) {
    return std::optional<std::vector<SavedItem>>();
  }
  return manifest.error();
}

Result<std::vector<SavedRun>> list_saved(Io& io, const std::vector<fs::path>& roots,
                                         const fs::path& undo_directory) {
  std::vector<SavedRun> out;
  for (const auto& root : roots) {
    const fs::path directory = saved_place(root, undo_directory);
    CYR_TRY(const bool there, io.exists(directory));
    if (!there) {
      continue;
    }
    CYR_TRY(const auto runs, io.list(directory));
    for (const auto& run : runs) {
      const auto manifest = read_manifest(io, directory / run.name);
      if (!manifest || !*manifest) {
        continue;  // not one of ours
      }
      SavedRun found{.id = run.name, .root = root, .undone_by = {}};
      std::set<std::string> changed;
      std::set<std::string> undone;
      for (const SavedItem& item : **manifest) {
        if (!item.saved.empty()) {
          ++found.files;
          found.bytes += item.info.size;
        }
        if (item.action == SavedAction::undoing) {
          found.undone_by = item.by;
        } else if (item.action == SavedAction::undone) {
          undone.insert(item.mailbox);
        } else if (!item.mailbox.empty()) {
          changed.insert(item.mailbox);
        }
      }
      found.mailboxes = changed.size();
      found.undone = undone.size();
      out.push_back(std::move(found));
    }
  }
  std::sort(out.begin(), out.end(), [](const SavedRun& a, const SavedRun& b) {
    return a.id != b.id ? a.id < b.id : a.root < b.root;
  });
  return out;
}

}  // namespace cyr::store

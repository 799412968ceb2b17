#include "format/store/saved_copies.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "format/base/text.h"

namespace cyr::store {

namespace {

constexpr std::string_view manifest_name = "manifest.jsonl";

// `path` below `root` without its leading slash; nothing when it is elsewhere.
std::optional<std::string> relative_to(const fs::path& root, const fs::path& path) {
  const std::string& above = root.native();
  const std::string& whole = path.native();
  if (whole.size() > above.size() + 1 && whole.starts_with(above) && whole[above.size()] == '/') {
    return whole.substr(above.size() + 1);
  }
  return {};
}

Status copy_file(Io& io, const fs::path& from, const fs::path& to, const FileInfo& info) {
  CYR_TRY(const auto bytes, io.read_file(from));
  CYR_TRY(auto file, File::open(io, to, {.write = true, .create = true, .exclusive = true}, info.mode));
  CYR_CHECK(file.write(bytes.bytes(), 0));
  CYR_CHECK(file.sync());
  CYR_CHECK(file.close());
  return io.set_mtime(to, info.mtime, info.mtime_nsec);
}

}  // namespace

std::string new_saved_id(std::int64_t now, std::int64_t pid) {
  const auto seconds = static_cast<std::time_t>(now);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z-{}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, pid);
}

std::string_view name_of(SavedAction action) {
  switch (action) {
    case SavedAction::replaced:
      return "replaced";
    case SavedAction::changed:
      return "changed";
    case SavedAction::removed:
      return "removed";
    case SavedAction::moved:
      return "moved";
    case SavedAction::created:
      return "created";
    case SavedAction::renamed:
      return "renamed";
  }
  return "unknown";
}

SavedCopies::SavedCopies(Io& io, std::vector<fs::path> roots, std::string id, bool enabled)
    : io_(io), id_(std::move(id)), enabled_(enabled) {
  std::sort(roots.begin(), roots.end());
  roots.erase(std::unique(roots.begin(), roots.end()), roots.end());
  // A partition below another root (configdirectory/spool) must be found before it: the longest path first.
  std::stable_sort(roots.begin(), roots.end(), [](const fs::path& a, const fs::path& b) {
    return a.native().size() > b.native().size();
  });
  for (auto& path : roots) {
    roots_.push_back({.path = std::move(path), .manifest = {}, .size = 0, .changed = {}});
  }
}

std::vector<fs::path> SavedCopies::directories() const {
  const std::lock_guard guard(mutex_);
  std::vector<fs::path> out;
  for (const auto& root : roots_) {
    if (root.manifest.is_open()) {
      out.push_back(root.path / std::string(saved_directory) / id_);
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
  const fs::path top = root.path / std::string(saved_directory) / id_;
  fs::path place = top / relative;
  CYR_CHECK(io_.make_directories(place.parent_path(), 0700));
  // A file that changes twice in one run keeps its first version under the plain name.
  for (int n = 2;; ++n) {
    CYR_TRY(const bool taken, io_.exists(place));
    if (!taken) {
      return place;
    }
    place = top / (relative + "~" + std::to_string(n));
  }
}

Status SavedCopies::append(Root& root, const SavedItem& item, std::string_view saved) {
  const fs::path directory = root.path / std::string(saved_directory) / id_;
  if (!root.manifest.is_open()) {
    CYR_CHECK(io_.make_directories(directory, 0700));
    CYR_TRY(root.manifest,
            File::open(io_, directory / std::string(manifest_name), {.write = true, .create = true}, 0600));
    CYR_TRY(const auto info, root.manifest.info());
    root.size = info.size;
  }
  nlohmann::ordered_json line{{"action", name_of(item.action)}, {"path", item.path}};
  const auto add = [&line](const char* key, std::string_view value) {
    if (!value.empty()) {
      line[key] = value;
    }
  };
  add("to", item.to);
  add("saved", saved);
  add("mailbox", item.mailbox);
  add("reason", item.reason);
  if (item.action != SavedAction::created) {
    line["size"] = item.info.size;
    line["mode"] = fmt::format("{:04o}", static_cast<unsigned>(item.info.mode));
    line["uid"] = item.info.uid;
    line["gid"] = item.info.gid;
    line["mtime"] = item.info.mtime;
    line["mtime_nsec"] = item.info.mtime_nsec;
  }
  // Names are bytes and need not be UTF-8; `replace` keeps the line valid, and `path` is only for people
  // then.
  const std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  CYR_CHECK(root.manifest.write(as_bytes(text), root.size));
  root.size += text.size();
  CYR_CHECK(root.manifest.sync());
  return io_.sync_directory(directory);
}

Status SavedCopies::keep(const fs::path& path, SavedAction action, Why why) {
  if (!enabled_) {
    return success();
  }
  const std::lock_guard guard(mutex_);
  const auto info = io_.lstat(path);
  if (!info) {
    if (info.error().code == Errc::not_found) {
      return success();
    }
    return info.error();
  }
  CYR_TRY(Root * root, root_of(path));
  const std::string relative = *relative_to(root->path, path);
  if (root->changed.contains(relative)) {
    return success();
  }
  CYR_TRY(const fs::path place, place_for(*root, relative));
  // In place means that a link would change along; and a link may be refused (limit of links, other file
  // system).
  if (action == SavedAction::changed || !io_.link(path, place)) {
    CYR_CHECK(copy_file(io_, path, place, *info));
  }
  if (action == SavedAction::changed) {
    root->changed.emplace(relative, 1);
  }
  CYR_CHECK(io_.sync_directory(place.parent_path()));
  return append(*root,
                {.action = action,
                 .path = relative,
                 .to = {},
                 .mailbox = std::string(why.mailbox),
                 .reason = std::string(why.reason),
                 .info = *info},
                *relative_to(root->path / std::string(saved_directory) / id_, place));
}

Status SavedCopies::note(const fs::path& path, SavedAction action, const fs::path& to, Why why) {
  if (!enabled_) {
    return success();
  }
  const std::lock_guard guard(mutex_);
  CYR_TRY(Root * root, root_of(path));
  SavedItem item{.action = action,
                 .path = *relative_to(root->path, path),
                 .to = {},
                 .mailbox = std::string(why.mailbox),
                 .reason = std::string(why.reason),
                 .info = {}};
  if (action == SavedAction::renamed) {
    CYR_TRY(item.info, io_.lstat(path));
    item.to = relative_to(root->path, to).value_or(to.native());
  }
  return append(*root, item, {});
}

Result<fs::path> SavedCopies::move_aside(const fs::path& path, Why why) {
  const std::lock_guard guard(mutex_);
  CYR_TRY(const auto info, io_.lstat(path));
  CYR_TRY(Root * root, root_of(path));
  const std::string relative = *relative_to(root->path, path);
  CYR_TRY(fs::path place, place_for(*root, relative));
  CYR_CHECK(append(*root,
                   {.action = SavedAction::moved,
                    .path = relative,
                    .to = {},
                    .mailbox = std::string(why.mailbox),
                    .reason = std::string(why.reason),
                    .info = info},
                   *relative_to(root->path / std::string(saved_directory) / id_, place)));
  CYR_CHECK(io_.rename(path, place));
  CYR_CHECK(io_.sync_directory(place.parent_path()));
  CYR_CHECK(io_.sync_directory(path.parent_path()));
  return place;
}

Result<std::vector<SavedRun>> list_saved(Io& io, const std::vector<fs::path>& roots) {
  std::vector<SavedRun> out;
  for (const auto& root : roots) {
    const fs::path directory = root / std::string(saved_directory);
    CYR_TRY(const bool there, io.exists(directory));
    if (!there) {
      continue;
    }
    CYR_TRY(const auto runs, io.list(directory));
    for (const auto& run : runs) {
      const auto manifest = io.read_file(directory / run.name / std::string(manifest_name));
      if (!manifest) {
        continue;  // not one of ours
      }
      SavedRun found{.id = run.name, .root = root, .files = 0, .bytes = 0};
      for (const auto line : split(manifest->text(), '\n')) {
        const auto item = nlohmann::json::parse(line, nullptr, false);
        if (item.is_object() && item.contains("saved")) {
          ++found.files;
          found.bytes += item.value("size", std::uint64_t{0});
        }
      }
      out.push_back(std::move(found));
    }
  }
  std::sort(out.begin(), out.end(), [](const SavedRun& a, const SavedRun& b) {
    return a.id != b.id ? a.id < b.id : a.root < b.root;
  });
  return out;
}

}  // namespace cyr::store

#include "format/store/saved_limits.h"

#include <algorithm>

#include "format/base/text.h"

namespace cyr::store {

namespace {

// "20261125T183501Z-..." as a number that grows with time: YYYYMMDDHHMMSS; nothing for other names.
std::optional<std::uint64_t> time_of(std::string_view id) {
  constexpr std::size_t kTime = 16;  // up to and with the Z
  if (id.size() < kTime || id[8] != 'T' || id[kTime - 1] != 'Z') {
    return {};
  }
  return parse_number<std::uint64_t>(std::string(id.substr(0, 8)) + std::string(id.substr(9, 6)));
}

struct KeptRun {
  fs::path directory;
  std::uint64_t time = 0;
  std::uint64_t bytes = 0;
  std::vector<fs::path> files;  // that may go
};

bool may_go(SavedAction action) { return action == SavedAction::replaced || action == SavedAction::changed; }

Result<std::vector<KeptRun>> kept_runs(Io& io, const fs::path& top) {
  std::vector<KeptRun> out;
  CYR_TRY(const bool there, io.exists(top));
  if (!there) {
    return out;
  }
  CYR_TRY(const auto names, io.list(top));
  for (const auto& name : names) {
    const auto time = time_of(name.name);
    CYR_TRY(const auto items, read_manifest(io, top / name.name));
    if (!time || !items) {
      continue;
    }
    KeptRun run{.directory = top / name.name, .time = *time, .bytes = 0, .files = {}};
    for (const SavedItem& item : *items) {
      const fs::path file = run.directory / item.saved;
      if (item.saved.empty() || !may_go(item.action)) {
        continue;
      }
      if (const auto info = io.lstat(file)) {
        run.bytes += info->size;
        run.files.push_back(file);
      }
    }
    out.push_back(std::move(run));
  }
  std::sort(out.begin(), out.end(), [](const KeptRun& a, const KeptRun& b) { return a.time < b.time; });
  return out;
}

// `file`, and the directories above it that are empty then, up to that of the run.
Status remove_kept(Io& io, const fs::path& file, const fs::path& top) {
  CYR_CHECK(io.unlink(file));
  for (fs::path above = file.parent_path(); above != top; above = above.parent_path()) {
    if (!io.remove_directory(above)) {
      break;
    }
  }
  return success();
}

// 0 when a run is at work in the directory.
Result<std::uint64_t> expire(Io& io, const KeptRun& run) {
  CYR_TRY(auto manifest, File::open(io, run.directory / "manifest.jsonl", {.write = true}));
  if (!manifest.lock(LockMode::exclusive, LockWait::try_once)) {
    return std::uint64_t{0};
  }
  for (const auto& file : run.files) {
    CYR_CHECK(remove_kept(io, file, run.directory));
  }
  CYR_TRY(const auto left, io.list(run.directory));
  if (left.size() == 1) {  // the manifest alone
    CYR_CHECK(io.unlink(manifest.path()));
    CYR_CHECK(io.remove_directory(run.directory));
  }
  return std::uint64_t{run.files.size()};
}

}  // namespace

Result<std::uint64_t> apply_limits(Io& io, const std::vector<fs::path>& roots, const fs::path& undo_directory,
                                   const SavedLimits& limits, std::int64_t now) {
  const std::uint64_t oldest = limits.age == 0 ? 0 : time_of(new_saved_id(now - limits.age, 0)).value_or(0);
  std::uint64_t removed = 0;
  for (const auto& root : roots) {
    CYR_TRY(const auto runs, kept_runs(io, saved_place(root, undo_directory)));
    std::uint64_t bytes = 0;
    for (const auto& run : runs) {
      bytes += run.bytes;
    }
    for (const auto& run : runs) {
      if (run.time >= oldest && (limits.bytes == 0 || bytes <= limits.bytes)) {
        continue;
      }
      CYR_TRY(const auto count, expire(io, run));
      bytes -= count == 0 ? 0 : run.bytes;
      removed += count;
    }
  }
  return removed;
}

}  // namespace cyr::store

// Old versions of everything that a repair replaces, removes or changes (format/doc/undo.md).
//
// A run has one id. On each root (a partition directory, the configdirectory) that it changes it makes the
// directory `undo./<id>/`, whose name no Cyrus program looks into, and in it the old file under its path
// relative to the root plus one line in `manifest.jsonl`, synced before the change itself is made. Nothing is
// created before the first change. Where the same file system allows it the old version is a hard link: no
// space, no time.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/file.h"

namespace cyr::store {

inline constexpr std::string_view saved_directory = "undo.";

// "20261125T183501Z-1234": the time in UTC and the process, so that ids sort by time and never clash.
[[nodiscard]] std::string new_saved_id(std::int64_t now, std::int64_t pid);

enum class SavedAction : std::uint8_t {
  replaced,  // a new file took the place of the saved one
  changed,   // the file was changed in place; the saved one is a copy of the bytes
  removed,   // the file is gone
  moved,     // the file was put aside whole (quarantine): the saved one is the only copy
  created,   // there was no such file before; nothing is saved
  renamed,   // the file has another name now, `to`; nothing is saved
};
[[nodiscard]] std::string_view name_of(SavedAction action);

// One line of a manifest. Paths are relative to the root.
struct SavedItem {
  SavedAction action = SavedAction::replaced;
  std::string path;     // where it was, or is now for `created`
  std::string to;       // `renamed` only
  std::string mailbox;  // internal name; empty for files of the whole store
  std::string reason;   // slug of the problem
  FileInfo info;        // of the old file
};

// What one run left on one root.
struct SavedRun {
  std::string id;
  fs::path root;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;  // sizes of the saved files, hard links counted in full
};

// Thread-safe; shared by all workers of a run.
class SavedCopies {
 public:
  // With `enabled` false (--no-keep) nothing is kept, except what move_aside() is given: quarantine never
  // deletes.
  SavedCopies(Io& io, std::vector<fs::path> roots, std::string id, bool enabled);

  struct Why {
    std::string_view mailbox;
    std::string_view reason;
  };

  // Before a rename replaces `path`, or an unlink removes it. Fine when there is no such file.
  Status before_replace(const fs::path& path, Why why) { return keep(path, SavedAction::replaced, why); }
  Status before_remove(const fs::path& path, Why why) { return keep(path, SavedAction::removed, why); }
  // Before bytes of `path` are changed in place. Copied once per run: later calls for the same file do
  // nothing.
  Status before_change(const fs::path& path, Why why) { return keep(path, SavedAction::changed, why); }
  // Before a file is made that was not there.
  Status before_create(const fs::path& path, Why why) { return note(path, SavedAction::created, {}, why); }
  Status before_rename(const fs::path& from, const fs::path& to, Why why) {
    return note(from, SavedAction::renamed, to, why);
  }
  // Moves `path` itself into the saved directory; gives its new place.
  Result<fs::path> move_aside(const fs::path& path, Why why);

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] bool enabled() const { return enabled_; }
  // The directories made so far, `<root>/undo./<id>`.
  [[nodiscard]] std::vector<fs::path> directories() const;

 private:
  struct Root {
    fs::path path;
    File manifest;                                    // open once something was kept
    std::uint64_t size = 0;                           // of the manifest
    std::map<std::string, int, std::less<>> changed;  // files that before_change() has copied
  };
  Status keep(const fs::path& path, SavedAction action, Why why);
  Status note(const fs::path& path, SavedAction action, const fs::path& to, Why why);
  Result<fs::path> place_for(Root& root, const std::string& relative);
  Status append(Root& root, const SavedItem& item, std::string_view saved);
  Result<Root*> root_of(const fs::path& path);

  Io& io_;
  std::string id_;
  bool enabled_;
  mutable std::mutex mutex_;
  std::vector<Root> roots_;  // longest path first
};

// What earlier runs saved on `roots`, oldest first. Reads the manifests only.
Result<std::vector<SavedRun>> list_saved(Io& io, const std::vector<fs::path>& roots);

}  // namespace cyr::store

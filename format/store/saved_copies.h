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
#include "format/store/saved_manifest.h"

namespace cyr::store {

inline constexpr std::string_view saved_directory = "undo.";

// Where runs keep what they change below `root`: in its own `undo.`, or with `undo_directory` (--undo-dir) in
// that directory under the root's path. The directories of the runs are in it.
[[nodiscard]] fs::path saved_place(const fs::path& root, const fs::path& undo_directory);

// "20261125T183501Z-1234": the time in UTC and the process, so that ids sort by time and never clash.
[[nodiscard]] std::string new_saved_id(std::int64_t now, std::int64_t pid);

// A copy of `from` with its mode and time of change, synced. Errc::exists when `to` is there.
Status copy_kept_file(Io& io, const fs::path& from, const fs::path& to, const FileInfo& info);

// What one run left on one root.
struct SavedRun {
  std::string id;
  fs::path root;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;      // sizes of the saved files, hard links counted in full
  std::uint64_t mailboxes = 0;  // that it changed files of
  std::uint64_t undone = 0;     // of these
  std::string undone_by;        // the run that undid or began to undo it; empty: none
};

// Thread-safe; shared by all workers of a run.
class SavedCopies {
 public:
  // With `enabled` false (--no-keep) nothing is kept, except what move_aside() is given: quarantine never
  // deletes. `undo_directory`: see saved_place().
  SavedCopies(Io& io, std::vector<fs::path> roots, std::string id, bool enabled,
              fs::path undo_directory = {});

  struct Why {
    std::string_view mailbox;
    std::string_view reason;
  };

  // Before a rename replaces `path`, or an unlink removes it. Fine when there is no such file.
  Status before_replace(const fs::path& path, Why why) { return keep(path, SavedAction::replaced, why); }
  Status before_remove(const fs::path& path, Why why) { return keep(path, SavedAction::removed, why); }
  // Before bytes of `path` are changed in place, or the file is made. Copied once per run: later calls for
  // the same file keep nothing.
  Status before_change(const fs::path& path, Why why) { return keep(path, SavedAction::changed, why); }
  // Before a file is made that was not there.
  Status before_create(const fs::path& path, Why why) { return note(path, SavedAction::created, {}, why); }
  Status before_rename(const fs::path& from, const fs::path& to, Why why) {
    return note(from, SavedAction::renamed, to, why);
  }
  // Makes `path` and what is missing above it.
  Status make_directories(const fs::path& path, ::mode_t mode, Why why);
  // Moves `path` itself into the saved directory; gives its new place.
  Result<fs::path> move_aside(const fs::path& path, Why why);

  // Before single records of a database that many mailboxes share are changed, besides before_change():
  // `item` (action, key, values, usage) is what will be true then, so that undoing leaves all other records
  // alone. `path` is the database.
  Status before_record(const fs::path& path, SavedItem item);
  // Has `path` settled as if it had been changed now: an undo that goes on with an interrupted one.
  Status touch(const fs::path& path, std::string_view mailbox);
  // After the changes of one mailbox (or, with an empty name, of the whole store), under its locks: notes
  // how every file is now that was touched, so that undoing can tell whether somebody else changed it since.
  Status settle(std::string_view mailbox);

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
    std::map<std::string, std::string> touched;       // files not settled yet, and their mailbox
  };
  Status keep(const fs::path& path, SavedAction action, Why why);
  Status note(const fs::path& path, SavedAction action, const fs::path& to, Why why);
  Result<fs::path> place_for(Root& root, const std::string& relative);
  [[nodiscard]] fs::path directory_of(const Root& root) const;
  Status append(Root& root, const SavedItem& item);
  Status append_lines(Root& root, const std::string& text);  // one write and one sync
  Status open_manifest(Root& root);
  Result<Root*> root_of(const fs::path& path);

  Io& io_;
  std::string id_;
  bool enabled_;
  fs::path undo_directory_;
  mutable std::mutex mutex_;
  std::vector<Root> roots_;  // longest path first
};

// What earlier runs saved on `roots`, oldest first. Reads the manifests only.
Result<std::vector<SavedRun>> list_saved(Io& io, const std::vector<fs::path>& roots,
                                         const fs::path& undo_directory = {});
// The manifest of a run on a root; nothing when it changed nothing there.
Result<std::optional<std::vector<SavedItem>>> read_manifest(Io& io, const fs::path& run_directory);

}  // namespace cyr::store

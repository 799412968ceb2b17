// Takes back what a run of a repair program changed, from the old versions and the manifests that it left
// (store/saved_copies.h; format/doc/undo.md): every file of a mailbox byte for byte, with mode and time, and
// single records of the databases that mailboxes share.
//
// A mailbox is undone as a whole, under the locks of a repair, or not at all: nothing is touched when any of
// its files is not as the run left it, unless that is forced. What is replaced is kept by a run of its own,
// so an undo can be undone. An interrupted undo is finished by asking for the same one again.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "format/store/locks.h"
#include "format/store/saved_copies.h"
#include "format/store/store.h"

namespace cyr::check {

struct UndoOptions {
  bool force = false;  // --force: also where somebody changed the mailbox since
  fs::path undo_directory = {};
};

struct UndoSummary {
  std::uint64_t restored = 0;          // files that have their old content
  std::uint64_t removed = 0;           // files that were not there before
  std::uint64_t records = 0;           // of shared databases
  std::vector<std::string> conflicts;  // why nothing was done; with `force`: what was overridden
  bool done = false;                   // in a dry run: would be done
};

class Undo {
 public:
  // Errc::not_found: no such run; Errc::invalid: it was undone before. `fresh_id` names the undo's own run,
  // unless an interrupted one is continued.
  static Result<std::unique_ptr<Undo>> open(store::Store& store, const std::string& id,
                                            const std::string& fresh_id, const UndoOptions& options);

  // Internal names of what is not undone yet; "" at the end stands for files of the whole store.
  [[nodiscard]] std::vector<std::string> mailboxes() const;
  [[nodiscard]] const std::string& by() const { return by_; }  // id of the undo's own run

  // Errc::... when nothing could be done; files of `mailbox` that differ are conflicts, not errors.
  Result<UndoSummary> undo(const std::string& mailbox, store::SavedCopies& saved, store::UserLocks& locks);
  // After the last mailbox: databases that hold again what they held are put back byte for byte.
  Status finish(store::SavedCopies& saved);

 private:
  struct Part {  // what the run left on one root
    fs::path root;
    fs::path directory;
    std::vector<store::SavedItem> items;
    File manifest;
  };
  // What a path was before the run, and is after it.
  struct PathState {
    std::optional<fs::path> source;  // the file it was; nothing: there was none
    FileInfo info;
    bool kept = false;  // the source is a kept file (else a live one under another name)
    std::optional<store::SavedItem> settled;
    bool done = false;  // is as it was
  };
  struct Record {
    fs::path path;
    store::SavedItem item;
  };
  struct Group {
    std::map<fs::path, PathState> files;
    std::vector<Record> records;        // in the order in which they were changed
    std::vector<fs::path> directories;  // that were made, likewise
    std::set<std::size_t> parts;
  };
  class Planner;
  class Restorer;

  Undo(store::Store& store, UndoOptions options) : store_(store), options_(std::move(options)) {}
  Status load(const std::string& id, const std::string& fresh_id);
  Result<store::MailboxLock> lock(const std::string& mailbox, const Group& group, store::UserLocks& locks);
  Status look(Group& group, UndoSummary& summary);
  Status look_at_record(const Record& record, UndoSummary& summary);
  Status restore_records(const Group& group, const std::string& mailbox, store::SavedCopies& saved);
  Status restore_record(const Record& record, store::SavedCopies& saved);
  [[nodiscard]] bool was_subtracted(const store::SavedItem& back) const;
  Status mark(const Group& group, store::SavedAction action, const std::string& mailbox);
  Status put_back_database(const fs::path& path, const fs::path& kept, const FileInfo& info,
                           store::SavedCopies& saved);

  store::Store& store_;
  UndoOptions options_;
  std::string id_, by_;
  std::vector<Part> parts_;
  std::map<std::string, Group> groups_;
  std::vector<store::SavedItem> earlier_;                        // what an interrupted undo noted
  std::map<fs::path, std::pair<fs::path, FileInfo>> databases_;  // shared ones, and their kept copy
};

}  // namespace cyr::check

// Parts of Undo: what became of a path since a run, putting files back, and single records of databases that
// mailboxes share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "format/store/saved_copies.h"
#include "format/store/store.h"

namespace cyr::check {

struct WasAndIs {
  const std::optional<fs::path>& source;  // the old file; nothing: there was none
  const FileInfo& info;                   // of the old file
  bool kept;                              // the source is a kept one
  const std::optional<store::SavedItem>& settled;
};
struct SeenPath {
  bool done = false;     // is what it was before the run
  bool lost = false;     // is not, and the old file cannot be found
  std::string conflict;  // how it differs from what the run left
};
Result<SeenPath> look_at_path(Io& io, const fs::path& path, const WasAndIs& state);

// Puts files back where they were. Everything is made ready before the first file that a server reads is
// replaced; a cyrus.index is the last of those; files that were not there go after it.
class FileRestorer {
 public:
  FileRestorer(Io& io, store::SavedCopies& saved, std::string mailbox)
      : io_(io), saved_(saved), mailbox_(std::move(mailbox)) {}
  void add(const fs::path& path, const std::optional<fs::path>& source, const FileInfo& info, bool kept);
  Status run();

 private:
  struct Task {
    fs::path path;
    std::optional<fs::path> source;
    FileInfo info;
    bool kept = false;
  };
  [[nodiscard]] store::SavedCopies::Why why() const { return {mailbox_, "undo"}; }
  Status stage(const Task& task);
  Status put(const Task& task);
  Status remove(const Task& task);
  Io& io_;
  store::SavedCopies& saved_;
  std::string mailbox_;
  std::vector<Task> tasks_;
};

// Removes those of `made` that are empty, the one made last first.
Status remove_empty_directories(Io& io, const std::vector<fs::path>& made);

// The record of a mailbox in mailboxes.db as `entry` lines of a manifest have it; nothing: there is none.
Result<std::optional<std::string>> list_value(store::Store& store, const std::string& mailbox);
Status put_list_value(store::Store& store, const std::string& mailbox,
                      const std::optional<std::string>& value);
// One record of a database, as octets.
Result<std::optional<std::string>> database_value(store::Store& store, const fs::path& path,
                                                  const std::string& key);
Status put_database_value(store::Store& store, const fs::path& path, const std::string& key,
                          const std::optional<std::string>& value);
// What a quota root has used, as text; nothing: there is no such root.
Result<std::optional<std::string>> usage_value(store::Store& store, const std::string& root);
// Adds to the usage of a quota root, by meta::Resource; fine when there is no such root.
Status add_usage(store::Store& store, const std::string& root, const std::vector<std::int64_t>& usage);
// Puts `kept`, a copy of the database (or quotalegacy file) `path`, in its place when both hold the same. An
// empty name: there was no such file; it is removed when it holds nothing.
Status replace_if_equal(store::Store& store, const fs::path& path, const fs::path& kept, const FileInfo& info,
                        store::SavedCopies& saved);

}  // namespace cyr::check

// The lines of manifest.jsonl, in which a run says what it changed and what it kept (format/doc/undo.md).
// Pure codec: one JSON object per line. Paths, keys and values are bytes: what is no UTF-8 is written a
// second time in hexadecimal, under the member's name with `_hex`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/io.h"

namespace cyr::store {

enum class SavedAction : std::uint8_t {
  replaced,   // a new file took the place of the saved one
  changed,    // the file was changed in place; the saved one is a copy of the bytes
  removed,    // the file is gone
  moved,      // the file was put aside whole (quarantine): the saved one is the only copy
  created,    // there was no such file before; nothing is saved
  renamed,    // the file has another name now, `to`; nothing is saved
  directory,  // the directory `path` was made
  record,     // record `key` of the database `path` was changed
  entry,    // of earlier manifests: the record of `mailbox` in mailboxes.db; values as encode_entry() writes
  usage,    // usage of quota root `key` was changed by `usage`
  settled,  // how `path` is after the change: `info`, or `gone`
  undoing,  // the run is being undone by run `by`
  undone,   // what the run changed in `mailbox` was undone by run `by`
};
[[nodiscard]] std::string_view name_of(SavedAction action);

// One line of a manifest. Paths are relative to the root.
struct SavedItem {
  SavedAction action = SavedAction::replaced;
  std::string path;     // where it was, or is now for `created`
  std::string to;       // `renamed` only
  std::string saved;    // the kept file, relative to the manifest's directory
  std::string mailbox;  // internal name; empty for files of the whole store
  std::string reason;   // slug of the problem
  std::string by;       // `undoing`, `undone`: id of the other run
  FileInfo info;        // of the old file; `settled`: of the present one
  bool gone = false;    // `settled`: there is no such file
  std::string key;
  std::optional<std::string> old_value, new_value;  // `record`, `entry`; nothing: there was or is none
  std::vector<std::int64_t> usage;                  // by meta::Resource

  // True if `info` describes a file.
  [[nodiscard]] bool has_info() const;
};

// With the line feed.
[[nodiscard]] std::string encode_saved_item(const SavedItem& item);
// Nothing for a line that is no object with a known action: a torn last line, or a later release's.
[[nodiscard]] std::optional<SavedItem> decode_saved_item(std::string_view line);
// All that can be read, in order.
[[nodiscard]] std::vector<SavedItem> decode_manifest(std::string_view text);

}  // namespace cyr::store

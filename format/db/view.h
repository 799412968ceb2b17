// The seam between formats and the machinery around them. A format (flat, skiplist, twoskip) supplies
//   View        reads one committed state of a file; pure: bytes in, records out
//   Editor      a transaction that changes a file in place through an Image
//   BulkWriter  writes a whole new database in one pass, records in order
// and knows nothing of locks, names and renames; those are in file_database.cc and convert.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "format/base/file.h"
#include "format/db/database.h"
#include "format/db/order.h"

namespace cyr::db {

// Valid until the bytes below the View change, and for flat until the next call.
struct Entry {
  std::string_view key;
  std::string_view value;
  std::uint64_t place = 0;  // where a scan of the same bytes can go on (ScanFrom); 0: only by key
};

using EntryVisitor = std::function<Result<Visit>(const Entry& entry)>;

// Where a scan begins in the order of keys.
struct ScanFrom {
  std::string_view key;   // empty: at the first record
  bool inclusive = true;  // false: strictly after `key`
  // With inclusive = false: of the Entry that had this key, if the bytes are still the same. The order need
  // not be known then.
  std::uint64_t place = 0;
};

class View {
 public:
  View() = default;
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  virtual ~View() = default;

  [[nodiscard]] virtual Result<std::optional<Entry>> find(std::string_view key,
                                                          const KeyOrder& order) const = 0;
  // Records in the file's order. A scan from an empty key does not need to know the order.
  virtual Status scan(ScanFrom from, const KeyOrder& order, const EntryVisitor& visit) const = 0;
  // The orders that hold for all keys; looks at every key.
  [[nodiscard]] virtual Result<OrderSet> orders() const = 0;
  // Holds for the same bytes at any later time; one that is not reads a header that a writer changes in
  // place.
  [[nodiscard]] virtual bool stable() const { return false; }
  // All invariants of the format.
  [[nodiscard]] virtual Status check() const = 0;
};

// The records whose key begins with `prefix`.
Status scan_prefix(const View& view, std::string_view prefix, const KeyOrder& order,
                   const EntryVisitor& visit);

// A database file that is changed in place.
class Image {
 public:
  Image() = default;
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;
  virtual ~Image() = default;

  // The present content. Writing within it keeps the span valid and shows in it; growing and cutting do not.
  [[nodiscard]] virtual Bytes bytes() const = 0;
  virtual Status write(Bytes from, std::uint64_t offset) = 0;  // may grow the file
  virtual Status truncate(std::uint64_t size) = 0;             // also grows, with zeros
  virtual Status sync() = 0;
};

// An Image in memory, for tests and fuzzers.
class MemoryImage final : public Image {
 public:
  explicit MemoryImage(Buffer content = {}) : content_(std::move(content)) {}
  [[nodiscard]] Bytes bytes() const override { return content_; }
  Status write(Bytes from, std::uint64_t offset) override;
  Status truncate(std::uint64_t size) override;
  Status sync() override { return success(); }

 private:
  Buffer content_;
};

// A transaction on an Image that is locked exclusively and sound (FileFormat::prepare). Nothing is written
// before the first change. After an error only abort() is allowed.
class Editor {
 public:
  Editor() = default;
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;
  virtual ~Editor() = default;

  virtual Status put(std::string_view key, std::string_view value) = 0;
  virtual Status erase(std::string_view key) = 0;
  virtual Status commit() = 0;
  virtual Status abort() = 0;
  [[nodiscard]] virtual bool changed() const = 0;
  // For a format that is not changed in place: instead of commit() the file is written anew from view().
  [[nodiscard]] virtual bool rewrites() const { return false; }
  // The state as this transaction sees it.
  [[nodiscard]] virtual Result<std::unique_ptr<View>> view() const = 0;
};

class StreamSink;

// Writes a new file in one pass; memory does not grow with the number of records.
class BulkWriter {
 public:
  BulkWriter() = default;
  BulkWriter(const BulkWriter&) = delete;
  BulkWriter& operator=(const BulkWriter&) = delete;
  virtual ~BulkWriter() = default;

  // Keys in ascending order, none twice; the caller sees to the order.
  virtual Status add(std::string_view key, std::string_view value) = 0;
  virtual Status finish() = 0;  // once; everything is in the sink then
};

enum class Readiness : std::uint8_t {
  ready,    // an Editor can start
  rewrite,  // the file must be written anew from replay() first
};

// One row per format; see registry.cc.
class FileFormat {
 public:
  FileFormat() = default;
  FileFormat(const FileFormat&) = delete;
  FileFormat& operator=(const FileFormat&) = delete;
  virtual ~FileFormat() = default;

  [[nodiscard]] virtual Kind kind() const = 0;
  [[nodiscard]] virtual Order default_order() const = 0;
  [[nodiscard]] virtual bool fixed_order() const { return false; }
  // Flat files are never changed in place, so that Cyrus reads them without a lock, and so do we.
  [[nodiscard]] virtual bool readers_lock() const { return true; }
  [[nodiscard]] virtual LockPlan lock_plan() const { return {}; }
  // The last committed state of `file`, without changing it, also after a crash.
  [[nodiscard]] virtual Result<std::unique_ptr<View>> view(Bytes file) const = 0;
  // Makes a new database of an empty Image; mends what a crash left (nothing committed is dropped, else an
  // error).
  virtual Result<Readiness> prepare(Image& image, const KeyOrder& order) const = 0;
  // The committed state by replaying the log, whatever the pointers say; an error if damage hides any record.
  [[nodiscard]] virtual Result<std::unique_ptr<View>> replay(Bytes file, const KeyOrder& order) const = 0;
  // For a format whose list of records is changed before a commit, so that a power loss can keep parts of
  // that and lose the rest without a trace at the end of the file: replay() when the list is not what was
  // committed, nothing when it is. `likely`: the order of keys, where they allow it.
  [[nodiscard]] virtual Result<std::unique_ptr<View>> replay_if_broken(Bytes /*file*/,
                                                                       Order /*likely*/) const {
    return std::unique_ptr<View>();
  }
  [[nodiscard]] virtual Result<std::unique_ptr<Editor>> edit(Image& image, const KeyOrder& order) const = 0;
  // `generation`: of the file that is replaced; 0 for a new one.
  [[nodiscard]] virtual Result<std::unique_ptr<BulkWriter>> writer(StreamSink& sink,
                                                                   std::uint64_t generation) const = 0;
  [[nodiscard]] virtual std::uint64_t generation(Bytes /*file*/) const { return 0; }
  // A writer of the file that takes the place of `old`.
  [[nodiscard]] virtual Result<std::unique_ptr<BulkWriter>> replacement(StreamSink& sink, Bytes old) const {
    return writer(sink, generation(old));
  }
  // Cyrus would checkpoint this file after a commit; with delays_repack() not at once, but when the program
  // is done with the database (cyrusdb.md 4.8: since 3.6).
  [[nodiscard]] virtual bool wants_repack(Bytes file) const = 0;
  [[nodiscard]] virtual bool delays_repack() const { return false; }
  // Only ever replaced, never changed in place; a reader sees one state without keeping a writer away.
  [[nodiscard]] virtual bool replaced_whole() const { return false; }

 protected:
  // What prepare() says after recover(): `mended`, or that the log must be written anew because good records
  // stand behind a broken pointer. An error when not even the log is whole.
  [[nodiscard]] Result<Readiness> mended_or_rewrite(const Status& mended, Bytes file,
                                                    const KeyOrder& order) const;
};

[[nodiscard]] const FileFormat& flat_format();
[[nodiscard]] const FileFormat& skiplist_format();
[[nodiscard]] const FileFormat& twoskip_format();
[[nodiscard]] const FileFormat& twom_format();

}  // namespace cyr::db

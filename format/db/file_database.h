// A Database over a FileFormat: locks, order of keys, transactions, rewriting by rename. Nothing here knows a
// format.
#pragma once

#include <memory>
#include <optional>

#include "format/base/forward_io.h"
#include "format/db/file_image.h"

namespace cyr::db {

class RecordBatch;

class FileDatabase final : public Database {
 public:
  static Result<std::unique_ptr<Database>> open(Io& io, const fs::path& path, const FileFormat& format,
                                                const OpenOptions& options);

  FileDatabase(const FileDatabase&) = delete;
  FileDatabase& operator=(const FileDatabase&) = delete;
  ~FileDatabase() override;  // makes up for a repack that was put off; what goes wrong then is logged

  [[nodiscard]] Kind kind() const override { return format_.kind(); }
  Result<std::optional<std::string>> get(std::string_view key) override;
  Result<std::optional<std::pair<std::string, std::string>>> next(std::string_view key) override;
  Status for_each(std::string_view prefix, const Visitor& visit) override;
  Result<std::unique_ptr<Hold>> hold() override;
  Result<std::unique_ptr<Transaction>> begin() override;
  Status consistent() override;
  Status repack() override;
  Result<Order> order() override;

 private:
  class Reading;
  class FileTransaction;
  class FileHold;
  // How far a walk came that lets go of the file now and then.
  struct WalkPlace {
    std::string key;    // of the last record
    std::string state;  // of the file that it was read from
  };

  FileDatabase(Io& io, const fs::path& path, const FileFormat& format, const OpenOptions& options);
  Status create();
  Status start_reading();
  void stop_reading();
  // Finds out the order of the keys, once; needed to trust that a key is absent, and before any change.
  Status settle_order(const View& view);
  // Whether the list of records is what was committed, once: view_ is the replayed log when it is not.
  Status check_list();
  Status settle();  // both
  [[nodiscard]] KeyOrder likely_order() const;
  // Under the exclusive lock: a sound file, ready for an Editor.
  Status make_ready();
  Status visit_held(std::string_view prefix, const Visitor& visit);  // all under one lock
  Status visit_batches(const std::string& prefix, const Visitor& visit);
  // The records behind `last`, as many as fit; whether there may be more.
  Result<bool> read_batch(const std::string& prefix, std::optional<WalkPlace>& last, RecordBatch& batch);
  [[nodiscard]] std::string state() const;  // another one after every commit; under a lock
  // Writes `view` to a new file and renames it over the old one. The lock is gone then.
  Status rewrite(const View& view);
  Status checkpoint();
  void repack_if_wanted();  // under the exclusive lock
  [[nodiscard]] Error name(Error error) const { return std::move(error).at(image_.path()); }
  [[nodiscard]] Status name(Status status) const {
    return status ? std::move(status) : Status(name(status.error()));
  }

  UnsyncedIo unsynced_;
  Io& io_;
  const FileFormat& format_;
  OpenOptions options_;
  FileImage image_;
  std::unique_ptr<View> view_;
  std::uint64_t view_epoch_ = 0;
  int readers_ = 0;   // that hold the lock: a hold(), a walk under one lock, a read inside of them
  int visitors_ = 0;  // walks that are under way
  bool repack_due_ = false;
  std::optional<Order> order_;
  bool list_checked_ = false;
  bool list_broken_ = false;
  FileTransaction* active_ = nullptr;
};

}  // namespace cyr::db

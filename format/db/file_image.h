// A database file under its lock: opened, locked, checked against its name (Cyrus replaces files by rename),
// mapped.
#pragma once

#include <optional>

#include "format/base/file.h"
#include "format/db/view.h"

namespace cyr::db {

class FileImage final : public Image {
 public:
  FileImage(Io& io, fs::path path, ::mode_t mode, const LockPlan& plan)
      : io_(io), path_(std::move(path)), mode_(mode), plan_(plan) {}

  // Locks the file that has the name now and looks at its size. Exclusive: opened for writing, made when
  // `create`. Errc::not_found when it is absent.
  Status acquire(LockMode mode, bool create = false);
  // Without a lock, for files that are only ever replaced: opens the file that has the name now. Small ones
  // are copied, so that an editor that writes in place does not hurt us.
  Status acquire_unlocked();
  Status lock_repack() {
    return file_.lock_repack(plan_);
  }                  // while it is held: keeps others from replacing the file
  Status release();  // the locks; the file stays open for the next time
  void close();      // forgets the file, and with it the lock

  [[nodiscard]] Bytes bytes() const override { return content_.bytes().first(size_); }
  Status write(Bytes from, std::uint64_t offset) override;
  Status truncate(std::uint64_t size) override;
  Status sync() override;

  // Changes whenever bytes() is another span or the file another one: what was read from it before is void.
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  Status open_and_lock(LockMode mode, bool create);
  [[nodiscard]] Result<bool> still_named(const FileInfo& ours) const;
  Status look(const FileInfo& info, bool growing);  // size and mapping as the file is now
  Status map(std::uint64_t capacity);

  Io& io_;
  fs::path path_;
  ::mode_t mode_;
  LockPlan plan_;
  File file_;
  bool writable_ = false;
  FileBytes content_;
  std::size_t size_ = 0;            // bytes of the file
  std::uint64_t capacity_ = 0;      // bytes that are mapped, may be more
  std::optional<FileInfo> copied_;  // acquire_unlocked(): what content_ is a copy of
  std::uint64_t epoch_ = 0;
};

}  // namespace cyr::db

// Verifies cache records one by one, in bounded memory: the cache of a large mailbox has gigabytes, and its
// records lie nearly in index order.
#pragma once

#include "format/base/file.h"
#include "format/mailbox/cache_file.h"
#include "format/mailbox/index.h"

namespace cyr::mailbox {

class CacheReader {
 public:
  // A cache that is absent or too short to have a generation number is no error: no record is valid then.
  static Result<CacheReader> open(Io& io, const fs::path& path);

  [[nodiscard]] bool exists() const { return file_.is_open(); }
  [[nodiscard]] bool has_generation() const { return size_ >= kCacheStart; }
  [[nodiscard]] std::uint32_t generation() const { return generation_; }
  // The bytes of the record's cache entry, valid until the next call: ten items inside the file and, where
  // the record has one, the right CRC. Errc::corrupt says what is wrong; Errc::io is a failing disk.
  Result<Bytes> record(const IndexRecord& record);
  // The same with its items.
  Result<CacheRecordView> view(const IndexRecord& record);

 private:
  Status load(std::uint64_t from, std::size_t bytes);
  File file_;
  std::uint64_t size_ = 0;
  std::uint32_t generation_ = 0;
  Buffer window_;
  std::uint64_t window_at_ = 0;  // file offset of window_[0], a multiple of 4
};

}  // namespace cyr::mailbox

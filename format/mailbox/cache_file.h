// cyrus.cache: a generation number and cache records of ten items each, found only through the cache_offset
// of an index record (mailbox.md 5.1, 5.2). What the items say is format/mime's matter. Format:
// format/doc/cyrus-cache-file.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "format/base/file.h"
#include "format/mailbox/index.h"

namespace cyr::mailbox {

inline constexpr std::size_t kCacheItems = 10;
inline constexpr std::uint64_t kCacheStart = 4;  // the generation number comes first

enum class CacheItem : std::uint8_t {
  envelope,
  bodystructure,
  body,
  section,
  headers,
  from,
  to,
  cc,
  bcc,
  subject
};

// One record: views into the cache's bytes.
struct CacheRecordView {
  Bytes whole;  // all ten items, length words and padding included; what cache_crc covers
  std::array<Bytes, kCacheItems> items;

  [[nodiscard]] Bytes item(CacheItem which) const { return items[static_cast<std::size_t>(which)]; }
};

// Generation of a cache file; corrupt when it is shorter than 4 bytes.
Result<std::uint32_t> cache_generation(Bytes file);
// The record at `offset` of the file. corrupt, with the offset, for an offset before 4, not a multiple of 4
// or past the end, or an item that runs past the end. Whether the padding is zero is not looked at (CRC does
// that).
Result<CacheRecordView> cache_record_at(Bytes file, std::uint64_t offset);
// The same, and cache_crc must fit when the record has one (v12+, not 0).
Result<CacheRecordView> cache_record_of(Bytes file, const IndexRecord& record);

// A new cache written to `.NEW`, with its generation in front.
class CacheFileWriter {
 public:
  static Result<CacheFileWriter> create(Io& io, const fs::path& target, std::uint32_t generation,
                                        ::mode_t mode = 0600);
  // `record` is a whole record (a multiple of 4 bytes); the offset it got.
  Result<std::uint64_t> append(Bytes record);
  Status finish();  // sync; still `.NEW`
  Status commit();
  [[nodiscard]] std::uint64_t size() const { return file_.size(); }
  [[nodiscard]] const fs::path& temporary() const { return file_.temporary(); }

 private:
  explicit CacheFileWriter(AtomicFile file) : file_(std::move(file)) {}
  AtomicFile file_;
};

// Appends records to an existing cache; an absent or empty file gets `generation` first, a torn end is padded
// to 4 bytes. Under the exclusive index lock, so that nobody else appends. What was appended and is never
// named by an index record does no harm.
class CacheAppender {
 public:
  static Result<CacheAppender> open(Io& io, const fs::path& path, std::uint32_t generation,
                                    ::mode_t mode = 0600);
  // `record` is a whole record (a multiple of 4 bytes); the offset it gets. Written when some megabytes have
  // come together.
  Result<std::uint64_t> append(Bytes record);
  Status flush();   // writes what is left
  Status finish();  // that, and syncs
  Status sync() { return file_.sync(); }

 private:
  explicit CacheAppender(File file) : file_(std::move(file)) {}
  File file_;
  std::uint64_t end_ = 0;  // file offset of pending_
  Buffer pending_;
};

}  // namespace cyr::mailbox

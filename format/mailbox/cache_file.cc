#include "format/mailbox/cache_file.h"

#include <fmt/core.h>

#include "format/base/crc32.h"

namespace cyr::mailbox {
namespace {

constexpr std::uint64_t kItemAlign = 4;
constexpr std::size_t kPendingBytes = std::size_t{4} << 20U;

constexpr auto kItemNames = std::to_array<std::string_view>(
    {"ENVELOPE", "BODYSTRUCTURE", "BODY", "SECTION", "HEADERS", "FROM", "TO", "CC", "BCC", "SUBJECT"});
static_assert(kItemNames.size() == kCacheItems);

Status check_record(Bytes record) {
  if (record.empty() || record.size() % kItemAlign != 0) {
    return make_error(Errc::invalid, fmt::format("cache record of {} bytes is not a multiple of {}",
                                                 record.size(), kItemAlign));
  }
  return success();
}

}  // namespace

Result<std::uint32_t> cache_generation(Bytes file) {
  if (file.size() < kCacheStart) {
    return corrupt(fmt::format("cache of {} bytes has no generation number", file.size()), file.size());
  }
  return load_be<std::uint32_t>(file.data());
}

Result<CacheRecordView> cache_record_at(Bytes file, std::uint64_t offset) {
  if (offset < kCacheStart || offset % kItemAlign != 0) {
    return corrupt(fmt::format("cache offset {} is no place for a record", offset), offset);
  }
  if (offset >= file.size()) {
    return corrupt(fmt::format("cache offset {} is past the end ({} bytes)", offset, file.size()), offset);
  }
  const Bytes from = file.subspan(static_cast<std::size_t>(offset));
  Cursor cursor(from, offset);
  CacheRecordView record;
  for (std::size_t i = 0; i < kCacheItems; ++i) {
    const std::uint64_t item_at = cursor.offset();
    const std::uint32_t length = cursor.u32();
    record.items[i] = cursor.bytes(length);
    cursor.pad_to(kItemAlign);
    if (!cursor.ok()) {
      return corrupt(fmt::format("cache item {} of {} bytes runs past the end ({} bytes)", kItemNames[i],
                                 length, file.size()),
                     item_at);
    }
  }
  record.whole = from.first(static_cast<std::size_t>(cursor.offset() - offset));
  return record;
}

Result<CacheRecordView> cache_record_of(Bytes file, const IndexRecord& record) {
  CYR_TRY(CacheRecordView view, cache_record_at(file, record.cache_offset));
  if (record.cache_crc != 0) {
    if (const std::uint32_t crc = crc32(view.whole); crc != record.cache_crc) {
      return corrupt(fmt::format("cache record of UID {} has CRC {:08x}, the index says {:08x}", record.uid,
                                 crc, record.cache_crc),
                     record.cache_offset);
    }
  }
  return view;
}

Result<CacheFileWriter> CacheFileWriter::create(Io& io, const fs::path& target, std::uint32_t generation,
                                                ::mode_t mode) {
  CYR_TRY(AtomicFile file, AtomicFile::create(io, target, mode));
  Buffer start;
  append_be(start, generation);
  CYR_CHECK(file.write(Bytes(start)));
  return CacheFileWriter(std::move(file));
}

Result<std::uint64_t> CacheFileWriter::append(Bytes record) {
  CYR_CHECK(check_record(record));
  const std::uint64_t offset = file_.size();
  CYR_CHECK(file_.write(record));
  return offset;
}

Status CacheFileWriter::finish() { return file_.sync(); }
Status CacheFileWriter::commit() { return file_.commit(); }

Result<CacheAppender> CacheAppender::open(Io& io, const fs::path& path, std::uint32_t generation,
                                          ::mode_t mode) {
  CYR_TRY(File file, File::open(io, path, {.write = true, .create = true}, mode));
  CYR_TRY(const FileInfo info, file.info());
  CacheAppender appender(std::move(file));
  if (info.size < kCacheStart) {
    append_be(appender.pending_, generation);
  } else {
    appender.end_ = info.size;
    appender.pending_.resize(static_cast<std::size_t>(round_up(info.size, kItemAlign) - info.size));
  }
  return appender;
}

Result<std::uint64_t> CacheAppender::append(Bytes record) {
  CYR_CHECK(check_record(record));
  const std::uint64_t offset = end_ + pending_.size();
  pending_.insert(pending_.end(), record.begin(), record.end());
  if (pending_.size() >= kPendingBytes) {
    CYR_CHECK(flush());
  }
  return offset;
}

Status CacheAppender::flush() {
  CYR_CHECK(file_.write(pending_, end_));
  end_ += pending_.size();
  pending_.clear();
  return success();
}

Status CacheAppender::finish() {
  CYR_CHECK(flush());
  return file_.sync();
}

}  // namespace cyr::mailbox

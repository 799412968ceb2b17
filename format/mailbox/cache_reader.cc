#include "format/mailbox/cache_reader.h"

#include <algorithm>
#include <array>

namespace cyr::mailbox {

namespace {

constexpr std::size_t kWindow = std::size_t{256}
                                << 10U;  // a session keeps it; what is read fits the processor's cache
constexpr std::size_t kLargestRecord = std::size_t{64} << 20U;  // bytes; a length beyond is taken for damage
// Bytes before the wanted record that the window keeps: the decoder wants an offset behind the generation
// number.
constexpr std::uint64_t kLead = kCacheStart;

}  // namespace

Result<CacheReader> CacheReader::open(Io& io, const fs::path& path) {
  CacheReader reader;
  auto file = File::open(io, path);
  if (!file) {
    if (file.error().code == Errc::not_found) {
      return reader;
    }
    return file.error();
  }
  CYR_TRY(const auto info, file->info());
  reader.file_ = std::move(*file);
  reader.size_ = info.size;
  if (reader.has_generation()) {
    std::array<std::byte, 4> raw{};
    CYR_CHECK(reader.file_.read_exactly(raw, 0));
    reader.generation_ = load_be<std::uint32_t>(raw.data());
  }
  return reader;
}

Status CacheReader::load(std::uint64_t from, std::size_t bytes) {
  if (window_.capacity() > 4 * kWindow && bytes <= kWindow) {
    window_ = Buffer();  // it was for a large record
  }
  window_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, size_ - from)));
  window_at_ = from;
  CYR_TRY(const std::size_t got, file_.read(window_, from));
  window_.resize(got);
  return success();
}

Result<Bytes> CacheReader::record(const IndexRecord& record) {
  CYR_TRY(const CacheRecordView found, view(record));
  return found.whole;
}

Result<CacheRecordView> CacheReader::view(const IndexRecord& record) {
  const std::uint64_t offset = record.cache_offset;
  if (!exists() || offset < kCacheStart || offset % 4 != 0 || offset >= size_) {
    return corrupt("cache offset outside the cache", offset);
  }
  std::size_t wanted = kWindow;
  const bool inside = offset >= window_at_ + kLead && offset < window_at_ + window_.size();
  if (!inside) {
    CYR_CHECK(load(offset - kLead, wanted));
  }
  while (true) {
    auto local = record;
    local.cache_offset = offset - window_at_;
    auto view = cache_record_of(window_, local);
    if (view) {
      return view;
    }
    // Cut by the window? Look again from the record on, with more bytes.
    const bool to_the_end = window_at_ + window_.size() >= size_;
    if (to_the_end) {
      return view.error();
    }
    if (window_at_ + kLead == offset) {
      // The CRC is only looked at for a whole record, so a wrong one is final.
      if (cache_record_at(window_, local.cache_offset)) {
        return view.error();
      }
      wanted *= 4;
      if (wanted > kLargestRecord) {
        return view.error();
      }
    }
    CYR_CHECK(load(offset - kLead, wanted));
  }
}

}  // namespace cyr::mailbox

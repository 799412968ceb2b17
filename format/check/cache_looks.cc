#include "format/check/cache_looks.h"

#include <algorithm>

#include "format/base/parallel.h"

namespace cyr::check {

namespace {

constexpr std::size_t kFirstStretch = 1024;             // records; enough to see whether the caches are gone
constexpr std::size_t kStretch = 65536;                 // records
constexpr std::size_t kLeastLooks = std::size_t{8192};  // records for which another thread is worth its start

}  // namespace

Status CacheLooks::open() {
  const std::size_t threads = parts_of(state_.records.size(), kLeastLooks, context_.options.threads);
  Io& io = context_.store.io();
  for (std::size_t i = 0; i < threads; ++i) {
    Readers readers;
    CYR_TRY(readers.main, mailbox::CacheReader::open(io, state_.files.cache));
    if (state_.files.has_archive()) {
      CYR_TRY(readers.archive, mailbox::CacheReader::open(io, state_.files.archive_cache));
    }
    readers_.push_back(std::move(readers));
  }
  return success();
}

const mailbox::CacheReader* CacheLooks::archive() const {
  return state_.files.has_archive() ? &readers_.front().archive : nullptr;
}

Result<std::uint32_t> CacheLooks::look_at(Readers& readers, std::size_t i) const {
  const auto record = state_.records.get(i);
  const bool archived = record.has(mailbox::flag::archived) && state_.files.has_archive();
  const auto cached = (archived ? readers.archive : readers.main).record(record);
  if (!cached && cached.error().code == Errc::io) {
    return cached.error();
  }
  return cached ? static_cast<std::uint32_t>(cached->size()) : 0;
}

Status CacheLooks::look(std::size_t from) {
  from_ = from;
  sizes_.assign(std::min(from == 0 ? kFirstStretch : kStretch, state_.records.size() - from), 0);
  const std::size_t parts = parts_of(sizes_.size(), kLeastLooks, static_cast<unsigned>(readers_.size()));
  std::vector<Status> failed(parts);
  for_parts(sizes_.size(), parts, [&](const Part& part) {
    for (std::size_t i = part.begin; i < part.end && failed[part.number]; ++i) {
      const auto size = look_at(readers_[part.number], from + i);
      if (size) {
        sizes_[i] = *size;
      } else {
        failed[part.number] = size.error();
      }
    }
  });
  for (const auto& status : failed) {
    CYR_CHECK(status);
  }
  return success();
}

Result<std::uint32_t> CacheLooks::size_of(std::size_t i) {
  if (i < from_ || i >= from_ + sizes_.size()) {
    CYR_CHECK(look(i));
  }
  return sizes_[i - from_];
}

}  // namespace cyr::check

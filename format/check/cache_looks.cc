#include "format/check/cache_looks.h"

#include <algorithm>

#include "format/base/parallel.h"

namespace cyr::check {

namespace {

constexpr std::uint32_t kNotKnown = UINT32_MAX;
constexpr std::size_t kFirstStretch = 1024;             // records; enough to see whether the caches are gone
constexpr std::size_t kStretch = 65536;                 // records
constexpr std::size_t kLeastLooks = std::size_t{8192};  // records for which another thread is worth its start

}  // namespace

Status CacheLooks::open() {
  const std::size_t most = std::min(state_.records.size(), kStretch);
  const std::size_t threads = parts_of(most, kLeastLooks, context_.options.threads);
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

// Of records that nobody may ask for nothing is said; what cannot be read is read again when somebody asks,
// so that its error comes then and not before.
void CacheLooks::look(std::size_t from) {
  std::swap(now_, before_);
  now_.from = from;
  now_.sizes.assign(std::min(from == 0 ? kFirstStretch : kStretch, state_.records.size() - from), kNotKnown);
  const std::size_t parts = parts_of(now_.sizes.size(), kLeastLooks, static_cast<unsigned>(readers_.size()));
  for_parts(now_.sizes.size(), parts, [&](const Part& part) {
    for (std::size_t i = part.begin; i < part.end; ++i) {
      if (!state_.records.cache_bad(from + i)) {
        now_.sizes[i] = look_at(readers_[part.number], from + i).value_or(kNotKnown);
      }
    }
  });
}

Result<std::uint32_t> CacheLooks::size_of(std::size_t i) {
  if (!now_.has(i) && !before_.has(i)) {
    look(i);
  }
  const Stretch& stretch = now_.has(i) ? now_ : before_;
  const std::uint32_t size = stretch.sizes[i - stretch.from];
  return size == kNotKnown ? look_at(readers_.front(), i) : Result<std::uint32_t>(size);
}

}  // namespace cyr::check

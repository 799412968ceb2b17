#include "format/store/counters.h"

#include <algorithm>

#include "format/meta/counters.h"
#include "format/store/user_files.h"

namespace cyr::store {

namespace {

// The counters file of `user`, exclusively locked when it may be changed; nothing when there is none.
Result<std::optional<File>> open_counters(Store& store, const names::UserId& user, LockMode mode) {
  if (!store.config().is_on(conf::Option::conversations)) {
    return std::optional<File>();
  }
  CYR_TRY(const fs::path path, user_file(store, user, "counters"));
  auto file = open_locked(store.io(), path, mode, LockWait::block, {.write = mode == LockMode::exclusive});
  if (!file && file.error().code == Errc::not_found) {
    return std::optional<File>();
  }
  CYR_TRY(File open, std::move(file));
  return std::optional<File>(std::move(open));
}

}  // namespace

Result<std::optional<std::uint64_t>> highest_counter(Store& store, const names::UserId& user) {
  std::optional<std::uint64_t> highest;
  CYR_TRY(const auto file, open_counters(store, user, LockMode::shared));
  if (file) {
    CYR_TRY(const auto bytes, file->map());
    if (const auto counters = meta::decode_counters(bytes.bytes())) {
      highest = counters->highestmodseq;
    }
  }
  return highest;
}

Result<std::optional<std::uint64_t>> raise_counters(Store& store, const names::UserId& user, CounterKind kind,
                                                    SavedCopies* saved,
                                                    const std::function<std::uint64_t(std::uint64_t)>& next) {
  CYR_TRY(const auto file, open_counters(store, user, LockMode::exclusive));
  if (!file) {
    return std::optional<std::uint64_t>();
  }
  CYR_TRY(const auto bytes, file->map());
  auto counters = meta::decode_counters(bytes.bytes());
  if (!counters) {
    return std::optional<std::uint64_t>();
  }
  counters->highestmodseq = std::max(counters->highestmodseq, next(counters->highestmodseq));
  (kind == CounterKind::quota ? counters->quotamodseq : counters->mailmodseq) = counters->highestmodseq;
  ++counters->generation;
  if (saved != nullptr) {
    CYR_CHECK(saved->before_replace(file->path(), {"", "counters"}));
  }
  CYR_CHECK(replace_file(store.io(), file->path(), meta::encode_counters(*counters)));
  return std::optional<std::uint64_t>(counters->highestmodseq);
}

Result<std::uint64_t> next_quota_modseq(Store& store, std::string_view root, std::uint64_t last,
                                        SavedCopies* saved) {
  const auto name = names::MailboxName::from_internal(root, store.name_space());
  if (!name || !name->is_user() || name->is_deleted()) {
    return last;
  }
  CYR_TRY(const auto raised,
          raise_counters(store, name->user(), CounterKind::quota, saved,
                         [last](std::uint64_t highest) { return std::max(highest, last) + 1; }));
  return raised.value_or(last + 1);
}

}  // namespace cyr::store

#include "format/check/quota_modseq.h"

#include <algorithm>

#include "format/meta/counters.h"
#include "format/store/user_files.h"

namespace cyr::check {
namespace {

Result<std::optional<std::uint64_t>> raise_counters(store::Store& store, const fs::path& path,
                                                    std::uint64_t last, store::SavedCopies& saved) {
  auto locked = open_locked(store.io(), path, LockMode::exclusive, LockWait::block, {.write = true});
  if (!locked && locked.error().code == Errc::not_found) {
    return std::optional<std::uint64_t>();
  }
  CYR_TRY(const File file, std::move(locked));
  CYR_TRY(const auto bytes, file.map());
  auto counters = meta::decode_counters(bytes.bytes());
  if (!counters) {
    return std::optional<std::uint64_t>();
  }
  counters->highestmodseq = std::max(counters->highestmodseq, last) + 1;
  counters->quotamodseq = counters->highestmodseq;
  ++counters->generation;
  CYR_CHECK(saved.before_replace(path, {"", "quota_usage"}));
  CYR_CHECK(replace_file(store.io(), path, meta::encode_counters(*counters)));
  return std::optional<std::uint64_t>(counters->highestmodseq);
}

}  // namespace

Result<std::uint64_t> next_quota_modseq(store::Store& store, std::string_view root, std::uint64_t last,
                                        store::SavedCopies& saved) {
  const auto name = names::MailboxName::from_internal(root, store.name_space());
  if (!name || !name->is_user() || name->is_deleted()) {
    return last;
  }
  if (store.config().is_on(conf::Option::conversations)) {
    CYR_TRY(const fs::path path, store::user_file(store, name->user(), "counters"));
    CYR_TRY(const auto raised, raise_counters(store, path, last, saved));
    if (raised) {
      return *raised;
    }
  }
  return last + 1;
}

}  // namespace cyr::check

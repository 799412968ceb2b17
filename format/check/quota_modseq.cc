#include "format/check/quota_modseq.h"

#include <algorithm>

#include "format/meta/counters.h"

namespace cyr::check {
namespace {

// Where the counters of `user` lie: beside the other files of the user, whose place the INBOX decides.
Result<fs::path> counters_file(store::Store& store, const names::UserId& user) {
  const std::string inbox = names::MailboxName::inbox_of(user).to_internal(store.name_space());
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  CYR_TRY(const auto entry, list->find(inbox));
  if (entry && store.layout_of(*entry) == names::Layout::by_id) {
    return store.paths().user_file_by_id(entry->uniqueid, "counters");
  }
  return store.paths().user_file_by_name(user, "counters");
}

Result<std::optional<std::uint64_t>> raise_counters(store::Store& store, const fs::path& path, std::uint64_t last,
                                                    store::SavedCopies& saved) {
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
    CYR_TRY(const fs::path path, counters_file(store, name->user()));
    CYR_TRY(const auto raised, raise_counters(store, path, last, saved));
    if (raised) {
      return *raised;
    }
  }
  return last + 1;
}

}  // namespace cyr::check

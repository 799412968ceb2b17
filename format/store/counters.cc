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

Result<meta::Counters> read_counters(Store& store, const names::UserId& user) {
  meta::Counters counters;
  counters.version = 0;
  CYR_TRY(const auto file, open_counters(store, user, LockMode::shared));
  if (file) {
    CYR_TRY(const auto bytes, file->map());
    if (auto read = meta::decode_counters(bytes.bytes())) {
      counters = *read;
    }
  }
  return counters;
}

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

namespace {

// Which of the counters a kind of mailbox has.
struct KindCounters {
  std::uint64_t& modseq;
  std::uint64_t& deleted;
  std::uint64_t& folders;
  std::uint64_t& folders_deleted;
};

KindCounters counters_of(meta::Counters& all, meta::MailboxKind kind) {
  auto& gone = all.deletedmodseq;
  auto& later = all.laterkindsmodseq;
  switch (kind) {
    case meta::MailboxKind::calendar:
      return {all.caldavmodseq, gone[1], all.caldavfoldersmodseq, gone[6]};
    case meta::MailboxKind::addressbook:
      return {all.carddavmodseq, gone[2], all.carddavfoldersmodseq, gone[7]};
    case meta::MailboxKind::submission:
      return {all.submissionmodseq, gone[4], all.submissionfoldersmodseq, gone[9]};
    case meta::MailboxKind::collection:
      return {later[0], later[1], later[2], later[3]};
    case meta::MailboxKind::jmap_notification:
      return {later[4], later[5], later[6], later[7]};
    case meta::MailboxKind::sieve:
      return {later[8], later[9], later[10], later[11]};
    default:
      return {all.mailmodseq, gone[0], all.mailfoldersmodseq, gone[5]};
  }
}

void set_modseq(meta::Counters& all, meta::MailboxKind kind, std::uint64_t modseq, ModseqUse use) {
  const KindCounters mine = counters_of(all, kind);
  const auto raise = [modseq](std::uint64_t& field) { field = std::max(field, modseq); };
  raise(all.highestmodseq);
  raise(mine.modseq);
  if (use.folder) {
    raise(mine.folders);
  }
  if (use.deleted) {
    raise(mine.deleted);
  }
  if (use.folder && use.deleted) {
    raise(mine.folders_deleted);
  }
}

}  // namespace

Result<bool> change_counters(Store& store, const names::UserId& user,
                             const std::function<void(meta::Counters&)>& change) {
  if (!store.config().is_on(conf::Option::conversations) || store.io().read_only()) {
    return false;
  }
  CYR_TRY(const fs::path path, user_file(store, user, "counters"));
  CYR_CHECK(store.io().make_directories(path.parent_path(), 0755));
  CYR_TRY(const File file, open_locked(store.io(), path, LockMode::exclusive, LockWait::block,
                                       {.write = true, .create = true}, 0600));
  CYR_TRY(const auto bytes, file.map());
  Result<meta::Counters> counters = meta::Counters();
  if (!bytes.bytes().empty()) {
    counters = meta::decode_counters(bytes.bytes());
  }
  if (!counters) {
    return false;
  }
  const meta::Counters before = *counters;
  change(*counters);
  if (*counters == before) {
    return true;
  }
  ++counters->generation;
  counters->version = 9;
  CYR_CHECK(replace_file(store.io(), path, meta::encode_counters(*counters)));
  return true;
}

Result<std::uint64_t> next_modseq(Store& store, const names::UserId& user, meta::MailboxKind kind,
                                  std::uint64_t last, ModseqUse use) {
  std::uint64_t next = last + 1;
  CYR_TRY([[maybe_unused]] const bool kept, change_counters(store, user, [&](meta::Counters& all) {
            next = std::max(all.highestmodseq, last) + 1;
            set_modseq(all, kind, next, use);
          }));
  return next;
}

Status note_modseq(Store& store, const names::UserId& user, meta::MailboxKind kind, std::uint64_t modseq,
                   ModseqUse use) {
  CYR_TRY([[maybe_unused]] const bool kept,
          change_counters(store, user, [&](meta::Counters& all) { set_modseq(all, kind, modseq, use); }));
  return success();
}

Result<std::uint32_t> next_uidvalidity(Store& store, const names::UserId& user, std::int64_t now) {
  auto next = static_cast<std::uint32_t>(now) + 1;
  CYR_TRY([[maybe_unused]] const bool kept, change_counters(store, user, [&](meta::Counters& all) {
            next = std::max(next, all.uidvalidity + 1);
            all.uidvalidity = next;
          }));
  return next;
}

Status note_uidvalidity(Store& store, const names::UserId& user, std::uint32_t uidvalidity) {
  CYR_TRY([[maybe_unused]] const bool kept, change_counters(store, user, [&](meta::Counters& all) {
            all.uidvalidity = std::max(all.uidvalidity, uidvalidity);
          }));
  return success();
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

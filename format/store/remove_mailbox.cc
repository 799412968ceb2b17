#include "format/store/remove_mailbox.h"

#include <algorithm>

#include "format/mailbox/header.h"
#include "format/mailbox/index_file.h"
#include "format/mailbox/index_layout.h"
#include "format/store/annotations.h"
#include "format/store/status_cache.h"

namespace cyr::store {

namespace {

// Files of one directory, those that say what the mailbox is last. A directory that is a symbolic link leads
// somewhere else and is left alone.
Status empty_directory(Io& io, const fs::path& directory) {
  const auto info = io.lstat(directory);
  if (!info) {
    return info.error().code == Errc::not_found ? success() : Status(info.error());
  }
  if (info->kind != FileKind::directory) {
    return make_error(Errc::invalid, "not a directory").at(directory);
  }
  CYR_TRY(auto entries, io.list(directory));
  const auto is_header = [](const DirEntry& entry) { return entry.name == "cyrus.header"; };
  std::stable_partition(entries.begin(), entries.end(), [&](const auto& entry) { return !is_header(entry); });
  for (const auto& entry : entries) {
    if (entry.kind != FileKind::directory) {
      CYR_CHECK(io.unlink(directory / entry.name));
    }
  }
  return success();
}

// The directory, and where directories are named after mailboxes the parents that became empty. Stops at the
// first that is not.
void remove_directories(Store& store, const fs::path& directory, names::Layout layout) {
  const auto roots = store.saved_roots();
  fs::path path = directory;
  while (std::find(roots.begin(), roots.end(), path) == roots.end() && path.has_parent_path() &&
         store.io().remove_directory(path)) {
    if (layout == names::Layout::by_id) {
      return;
    }
    path = path.parent_path();
  }
}

// A deleted mailbox has no quota root; one with a root gives its usage back.
Status release_quota(Store& store, const MailboxFiles& files, MailboxLock& lock) {
  const auto bytes = store.io().read_file(files.header);
  const auto header =
      bytes ? mailbox::decode_header(bytes->bytes()) : Result<mailbox::MailboxHeader>(bytes.error());
  if (!header || !header->quotaroot || header->quotaroot->empty() || !lock.has_index()) {
    return success();
  }
  CYR_TRY(const auto index, mailbox::read_index_header(lock.index()));
  const bool counts = mailbox::has_record_crc(index.minor_version);
  const meta::Usage change{-static_cast<std::int64_t>(index.quota_mailbox_used),
                           -static_cast<std::int64_t>(counts ? index.exists : index.num_records),
                           -static_cast<std::int64_t>(index.quota_annot_used), -1};
  CYR_TRY(meta::Quotas * quotas, store.quotas());
  return quotas->change(*header->quotaroot, [&change](std::optional<meta::QuotaRoot>& root) -> Result<bool> {
    if (root) {
      root->used = meta::add(root->used, change);
    }
    return root.has_value();
  });
}

}  // namespace

Status remove_mailbox(Store& store, const meta::MailboxEntry& entry, UserLocks& locks) {
  if (store.io().read_only()) {
    return success();
  }
  CYR_TRY(const auto files, store.files(entry));
  CYR_TRY(auto lock, MailboxLock::take(store.io(), files, LockFor::change, locks));
  CYR_TRY(const bool alone, lock.become_exclusive());
  if (!alone) {
    return make_error(Errc::locked, "a session has the mailbox open").at(files.data);
  }
  CYR_CHECK(release_quota(store, files, lock));
  auto directories = files.directories();
  // Where the header is last: without it the rest could not be told whose it is.
  std::stable_partition(directories.begin(), directories.end(),
                        [&](const fs::path& path) { return path != files.header.parent_path(); });
  for (const auto& directory : directories) {
    CYR_CHECK(empty_directory(store.io(), directory));
    remove_directories(store, directory, files.place.layout);
  }
  CYR_CHECK(erase_mailbox_annotations(store, entry));
  forget_status(store, entry.name);
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  return list->erase(entry.name);
}

}  // namespace cyr::store

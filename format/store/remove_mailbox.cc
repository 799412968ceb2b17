#include "format/store/remove_mailbox.h"

#include "format/mailbox/header.h"
#include "format/mailbox/index_file.h"
#include "format/store/annotations.h"
#include "format/store/mailbox_directories.h"
#include "format/store/quota_usage.h"
#include "format/store/status_cache.h"

namespace cyr::store {

namespace {

// A deleted mailbox has no quota root; one with a root gives its usage back.
Status release_quota(Store& store, const MailboxFiles& files, MailboxLock& lock) {
  const auto bytes = store.io().read_file(files.header);
  const auto header =
      bytes ? mailbox::decode_header(bytes->bytes()) : Result<mailbox::MailboxHeader>(bytes.error());
  if (!header || !header->quotaroot || header->quotaroot->empty() || !lock.has_index()) {
    return success();
  }
  CYR_TRY(const auto index, mailbox::read_index_header(lock.index()));
  return add_usage(store, *header->quotaroot, files.place.name.to_internal(store.name_space()),
                   negative(usage_of(index)));
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
  CYR_CHECK(remove_mailbox_directories(store, files));
  CYR_CHECK(erase_mailbox_annotations(store, entry));
  forget_status(store, entry.name);
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  return list->erase(entry.name);
}

}  // namespace cyr::store

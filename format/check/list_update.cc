#include "format/check/list_update.h"

namespace cyr::check {

Status update_list(store::Store& store, store::SavedCopies& saved, const std::vector<std::string>& gone,
                   const std::vector<meta::MailboxEntry>& entries, std::string_view reason,
                   std::int64_t now) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  const fs::path path = store.paths().mailboxes_db();
  const std::string_view first = entries.size() == 1 ? std::string_view(entries.front().name) : "";
  CYR_CHECK(saved.before_change(path, {first, reason}));
  return list->replace(gone, entries, now, [&](meta::RecordChange change) {
    store::SavedItem item;
    item.action = store::SavedAction::record;
    item.mailbox = std::move(change.mailbox);
    item.reason = std::string(reason);
    item.key = std::move(change.key);
    item.old_value = std::move(change.before);
    item.new_value = std::move(change.after);
    return saved.before_record(path, std::move(item));
  });
}

}  // namespace cyr::check

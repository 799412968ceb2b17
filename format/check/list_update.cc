#include "format/check/list_update.h"

namespace cyr::check {

namespace {

Status note_entry(store::Store& store, store::SavedCopies& saved, const std::string& name,
                  const meta::MailboxEntry* changed, std::string_view reason) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  store::SavedItem item;
  item.action = store::SavedAction::entry;
  item.mailbox = name;
  item.reason = std::string(reason);
  const auto old = list->find(name);
  if (!old && old.error().code == Errc::corrupt) {
    CYR_TRY(item.old_value, list->database().get(meta::name_key(name, list->format())));
  } else if (!old) {
    return old.error();
  } else if (*old) {
    item.old_value = meta::encode_entry(**old, list->format());
  }
  if (changed != nullptr) {
    item.new_value = meta::encode_entry(*changed, list->format());
  }
  return saved.before_record(store.paths().mailboxes_db(), std::move(item));
}

}  // namespace

Status update_list(store::Store& store, store::SavedCopies& saved, const std::vector<std::string>& gone,
                   const std::vector<meta::MailboxEntry>& entries, std::string_view reason,
                   std::int64_t now) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  const std::string_view first = entries.size() == 1 ? std::string_view(entries.front().name) : "";
  CYR_CHECK(saved.before_change(store.paths().mailboxes_db(), {first, reason}));
  for (const auto& name : gone) {
    CYR_CHECK(note_entry(store, saved, name, nullptr, reason));
    CYR_CHECK(list->erase(name));
  }
  for (const auto& entry : entries) {
    meta::MailboxEntry written = entry;
    written.mtime = now;
    CYR_CHECK(note_entry(store, saved, entry.name, &written, reason));
  }
  return list->update(entries, now);
}

}  // namespace cyr::check

#include "format/store/user_files.h"

namespace cyr::store {

Result<fs::path> user_file(Store& store, const names::UserId& user, std::string_view suffix) {
  const std::string inbox = names::MailboxName::inbox_of(user).to_internal(store.name_space());
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  CYR_TRY(const auto entry, list->find(inbox));
  if (entry) {
    CYR_TRY(const auto layout, store.layout_of(*entry));
    if (layout == names::Layout::by_id) {
      return store.paths().user_file_by_id(entry->uniqueid, suffix);
    }
  }
  return store.paths().user_file_by_name(user, suffix);
}

}  // namespace cyr::store

#include "format/store/folder_record.h"

#include <fmt/format.h>

#include "format/store/user_files.h"
#include "format/text/dlist.h"

namespace cyr::store {

namespace {

constexpr std::string_view counted_flags_key = "$COUNTED_FLAGS";

// "0 (MODSEQ records exists unseen ...)" with another modseq. Nothing for a value that is no such thing.
std::optional<std::string> with_modseq(std::string_view value, std::uint64_t modseq) {
  constexpr std::string_view version = "0 ";
  if (!value.starts_with(version)) {
    return {};
  }
  auto fields = text::parse_dlist(value.substr(version.size()));
  if (!fields || !fields->is_list() || fields->items.empty()) {
    return {};
  }
  fields->items.front() = text::Item::number(modseq);
  return std::string(version) + text::print_dlist(*fields);
}

}  // namespace

Status note_folder_modseq(Store& store, const names::UserId& owner, std::string_view uniqueid,
                          std::uint64_t modseq) {
  if (owner.empty() || !store.config().is_on(conf::Option::conversations) || store.io().read_only()) {
    return success();
  }
  CYR_TRY(const fs::path path, user_file(store, owner, "conversations"));
  CYR_TRY(const auto database, store.open_database(path, conf::Option::conversations_db, true));
  CYR_TRY(const auto transaction, database->begin());
  const std::string key = "F" + std::string(uniqueid);
  CYR_TRY(const auto value, transaction->get(key));
  CYR_TRY(const auto flags, transaction->get(counted_flags_key));
  const std::string_view counted = store.config().text(conf::Option::conversations_counted_flags);
  if (!flags && !counted.empty()) {
    CYR_CHECK(transaction->put(counted_flags_key, counted));
  }
  const auto changed = value ? with_modseq(*value, modseq) : fmt::format("0 ({} 0 0 0 0)", modseq);
  if (changed) {
    CYR_CHECK(transaction->put(key, *changed));
  }
  return transaction->commit();
}

}  // namespace cyr::store

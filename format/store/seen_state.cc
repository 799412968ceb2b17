#include "format/store/seen_state.h"

#include "format/mailbox/index_layout.h"
#include "format/store/user_files.h"

namespace cyr::store {

namespace {

// A record that cannot be read counts as none, and a set that cannot be read as empty, as for Cyrus.
SeenState decode(const std::optional<std::string>& stored) {
  SeenState state;
  if (!stored) {
    return state;
  }
  if (auto record = meta::decode_seen(*stored)) {
    state.uids = text::SequenceSet::parse(record->uids).value_or(text::SequenceSet());
    state.record = std::move(*record);
  }
  return state;
}

Result<std::unique_ptr<db::Database>> open_seen(Store& store, const names::UserId& user, bool create) {
  CYR_TRY(const fs::path path, user_file(store, user, "seen"));
  return store.open_database(path, conf::Option::seenstate_db, create);
}

}  // namespace

bool seen_is_in_index(const mailbox::IndexHeader& index, const names::UserId& owner,
                      const names::UserId& user) {
  return mailbox::has_record_crc(index.minor_version) &&
         (user.empty() || user == owner || (index.options & mailbox::option::imap_sharedseen) != 0);
}

names::UserId seen_user(const mailbox::IndexHeader& index, const names::UserId& user) {
  return (index.options & mailbox::option::imap_sharedseen) != 0 ? names::UserId{"anyone", ""} : user;
}

Result<SeenState> read_seen(Store& store, const names::UserId& user, std::string_view uniqueid) {
  auto database = open_seen(store, user, false);
  if (!database) {
    return database.error().code == Errc::not_found ? Result<SeenState>(SeenState()) : database.error();
  }
  CYR_TRY(const auto stored, (*database)->get(uniqueid));
  return decode(stored);
}

Status change_seen(Store& store, const names::UserId& user, std::string_view uniqueid,
                   const std::function<void(SeenState& state)>& change) {
  CYR_TRY(const auto database, open_seen(store, user, true));
  CYR_TRY(const auto transaction, database->begin());
  CYR_TRY(const auto stored, transaction->get(uniqueid));
  SeenState state = decode(stored);
  change(state);
  state.record.uids = state.uids.print();
  if (stored && meta::encode_seen(state.record) == *stored) {
    return success();
  }
  CYR_CHECK(transaction->put(uniqueid, meta::encode_seen(state.record)));
  return transaction->commit();
}

}  // namespace cyr::store

#include "format/store/deliveries.h"

namespace cyr::store {

namespace {

meta::DuplicateRecord record_of(const DeliveryKey& key) {
  return {.id = key.id, .to = key.to, .date = key.date, .mark = 0, .uid = 0};
}

}  // namespace

std::string delivery_target(const meta::MailboxEntry& entry) {
  return entry.uniqueid.empty() ? entry.name : entry.uniqueid;
}

bool suppresses_duplicates(const conf::Config& config, const mailbox::IndexHeader& index) {
  return config.is_on(conf::Option::duplicatesuppression) &&
         (index.options & mailbox::option::imap_duplicatedeliver) == 0;
}

Result<Deliveries> Deliveries::open(Store& store) {
  CYR_TRY(auto database, store.open_database(store.paths().deliver_db(), conf::Option::duplicate_db, true));
  return Deliveries(std::move(database));
}

Result<std::optional<std::int64_t>> Deliveries::find(const DeliveryKey& key) {
  std::optional<std::int64_t> mark;
  const auto name = meta::encode_duplicate_key(record_of(key));
  if (!name) {  // no id: nothing to compare
    return mark;
  }
  CYR_TRY(const auto stored, database_->get(*name));
  if (stored) {
    if (const auto record = meta::decode_duplicate(*name, *stored)) {
      mark = record->mark;
    }
  }
  return mark;
}

Status Deliveries::mark(const std::vector<Delivered>& deliveries, std::int64_t now) {
  CYR_TRY(const auto transaction, database_->begin());
  for (const auto& [key, uid] : deliveries) {
    meta::DuplicateRecord record = record_of(key);
    record.mark = now;
    record.uid = uid;
    if (const auto name = meta::encode_duplicate_key(record)) {
      CYR_CHECK(transaction->put(*name, meta::encode_duplicate_value(record)));
    }
  }
  return transaction->commit();
}

}  // namespace cyr::store

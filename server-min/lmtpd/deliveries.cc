#include "server-min/lmtpd/deliveries.h"

#include <cstring>

namespace cyr::lmtpd {
namespace {

std::string database_key(const DeliveryKey& key) {
  std::string out;
  for (const std::string* part : {&key.id, &key.to, &key.date}) {
    out.append(*part).push_back('\0');
  }
  return out;
}

// Two native longs.
std::string database_value(std::int64_t mark, std::uint64_t uid) {
  std::string out(sizeof mark + sizeof uid, '\0');
  std::memcpy(out.data(), &mark, sizeof mark);
  std::memcpy(out.data() + sizeof mark, &uid, sizeof uid);
  return out;
}

}  // namespace

bool suppresses_duplicates(const conf::Config& config, const mailbox::IndexHeader& index) {
  return config.is_on(conf::Option::duplicatesuppression) &&
         (index.options & mailbox::option::imap_duplicatedeliver) == 0;
}

Result<Deliveries> Deliveries::open(store::Store& store) {
  CYR_TRY(auto database, store.open_database(store.paths().deliver_db(), conf::Option::duplicate_db, true));
  return Deliveries(std::move(database));
}

Result<bool> Deliveries::contains(const DeliveryKey& key) {
  CYR_TRY(const auto value, database_->get(database_key(key)));
  return value.has_value();
}

Status Deliveries::mark(const std::vector<Delivered>& deliveries, std::int64_t now) {
  CYR_TRY(const auto transaction, database_->begin());
  for (const auto& [key, uid] : deliveries) {
    if (!key.id.empty()) {
      CYR_CHECK(transaction->put(database_key(key), database_value(now, uid)));
    }
  }
  return transaction->commit();
}

}  // namespace cyr::lmtpd

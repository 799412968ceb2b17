#include "format/store/status_cache.h"

namespace cyr::store {

void forget_status(Store& store, std::string_view mailbox) {
  const auto database = store.open_database(store.paths().statuscache_db(), conf::Option::statuscache_db);
  if (!database) {
    return;
  }
  std::vector<std::string> keys;
  const auto collect = [&keys](std::string_view key, std::string_view) -> Result<db::Visit> {
    keys.emplace_back(key);
    return db::Visit::go_on;
  };
  if (!(*database)->for_each(std::string(mailbox) + "%", collect)) {
    return;
  }
  for (const auto& key : keys) {
    (void)(*database)->erase(key);
  }
}

}  // namespace cyr::store

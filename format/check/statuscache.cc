#include "format/check/statuscache.h"

#include <vector>

namespace cyr::check {

Status forget_status(store::Store& store, const std::string& mailbox) {
  const auto database = store.open_database(store.paths().statuscache_db(), conf::Option::statuscache_db);
  if (!database) {
    return success();
  }
  std::vector<std::string> keys;
  const auto collect = [&keys](std::string_view key, std::string_view) -> Result<db::Visit> {
    keys.emplace_back(key);
    return db::Visit::go_on;
  };
  if (!(*database)->for_each(mailbox + "%", collect)) {
    return success();
  }
  for (const auto& key : keys) {
    (void)(*database)->erase(key);
  }
  return success();
}

}  // namespace cyr::check

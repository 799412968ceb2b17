#include "format/store/pruning.h"

#include <algorithm>
#include <functional>
#include <set>

#include "format/base/text.h"
#include "format/meta/conversation_record.h"
#include "format/meta/duplicate.h"

namespace cyr::store {

namespace {

using IsOld = std::function<bool(std::string_view key, std::string_view value)>;

// Removes the records below `prefix` that are old. Two passes: the second under the transaction's lock alone.
Result<Pruned> prune(Store& store, const fs::path& path, conf::Option option, std::string_view prefix,
                     const IsOld& is_old) {
  Pruned pruned;
  auto opened = store.open_database(path, option);
  if (!opened && opened.error().code == Errc::not_found) {
    return pruned;
  }
  CYR_TRY(const auto database, std::move(opened));
  std::vector<std::string> keys;
  CYR_CHECK(
      database->for_each(prefix, [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
        ++pruned.seen;
        if (is_old(key, value)) {
          keys.emplace_back(key);
        }
        return db::Visit::go_on;
      }));
  pruned.removed = keys.size();
  if (keys.empty() || store.io().read_only()) {
    return pruned;
  }
  CYR_TRY(const auto transaction, database->begin());
  for (const auto& key : keys) {
    // Delivered to again meanwhile?
    CYR_TRY(const auto value, transaction->get(key));
    if (value && is_old(key, *value)) {
      CYR_CHECK(transaction->erase(key));
    }
  }
  CYR_CHECK(transaction->commit());
  return pruned;
}

}  // namespace

Result<Pruned> prune_deliveries(Store& store, std::int64_t mark,
                                const std::map<std::string, std::int64_t, std::less<>>& marks) {
  return prune(store, store.paths().deliver_db(), conf::Option::duplicate_db, "",
               [&](std::string_view key, std::string_view value) {
                 const auto record = meta::decode_duplicate(key, value);
                 if (!record) {
                   return false;
                 }
                 const auto own = marks.find(record->to);
                 return record->mark < (own == marks.end() ? mark : own->second);
               });
}

// With conversations_keep_existing an id stays as long as one of its conversations is there, however old it
// is, and goes with the last; without, its age decides.
Result<Pruned> prune_conversations(Store& store, const fs::path& path, std::int64_t mark) {
  const bool keep = store.config().is_on(conf::Option::conversations_keep_existing);
  std::set<std::uint64_t> existing;
  if (keep) {
    auto opened = store.open_database(path, conf::Option::conversations_db);
    if (!opened) {
      return opened.error().code == Errc::not_found ? Result<Pruned>(Pruned()) : opened.error();
    }
    CYR_CHECK(
        (*opened)->for_each("B", [&existing](std::string_view key, std::string_view) -> Result<db::Visit> {
          if (const auto cid = parse_number<std::uint64_t>(key.substr(1), 16)) {
            existing.insert(*cid);
          }
          return db::Visit::go_on;
        }));
  }
  return prune(store, path, conf::Option::conversations_db, "<",
               [&](std::string_view, std::string_view value) {
                 const auto ids = meta::decode_conversation_ids(value);
                 if (!ids) {
                   return false;
                 }
                 return keep ? std::none_of(ids->cids.begin(), ids->cids.end(),
                                            [&](std::uint64_t cid) { return existing.contains(cid); })
                             : ids->stamp < mark;
               });
}

}  // namespace cyr::store

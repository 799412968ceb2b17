#include "format/store/annotations.h"

#include "format/mailbox/annotation_record.h"

namespace cyr::store {

namespace {

// What stands for the mailbox in the keys of annotations.db: its id from 3.6 on, its name before.
Result<std::string> key_of(Store& store, const meta::MailboxEntry& entry) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  return meta::is_keyed(list->format()) ? entry.uniqueid : entry.name;
}

// annotations.db, or nothing when there is none.
Result<db::Database*> open_global(Store& store) {
  auto database = store.annotations();
  if (!database && database.error().code == Errc::not_found) {
    return static_cast<db::Database*>(nullptr);
  }
  return database;
}

Result<std::optional<std::string>> shared_value(db::Database& database, const std::string& where,
                                                std::string_view annotation) {
  CYR_TRY(const Buffer key, mailbox::encode_annotation_key({where, std::string(annotation), ""}));
  CYR_TRY(const auto stored, database.get(as_text(key)));
  std::optional<std::string> value;
  if (stored) {
    CYR_TRY(auto decoded, mailbox::decode_annotation_value(as_bytes(*stored)));
    if (!decoded.deleted()) {
      value = std::move(decoded.value);
    }
  }
  return value;
}

// "user.bovik.a" -> "user.bovik"; empty at the top.
std::string parent_of(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  const std::size_t domain = name.find('!');
  const bool inside = dot != std::string::npos && (domain == std::string::npos || dot > domain);
  return inside ? name.substr(0, dot) : std::string();
}

}  // namespace

Result<MessageAnnotations> read_message_annotations(Store& store, const MailboxFiles& files) {
  MessageAnnotations out;
  const auto database = store.open_database(files.annotations, conf::Option::annotation_db);
  if (!database) {
    return database.error().code == Errc::not_found ? Result<MessageAnnotations>(out) : database.error();
  }
  CYR_CHECK(
      (*database)->for_each("", [&](std::string_view key, std::string_view stored) -> Result<db::Visit> {
        auto name = mailbox::decode_annotation_key(as_bytes(key));
        auto value = mailbox::decode_annotation_value(as_bytes(stored));
        const auto uid = name ? mailbox::annotation_uid(*name) : std::nullopt;
        if (uid && value) {
          out[*uid].push_back(
              {.key = std::string(key),
               .stored = std::string(stored),
               .entry = std::move(name->entry),
               .userid = name->userid == mailbox::kOwnerToken ? files.user.text() : std::move(name->userid),
               .value = std::move(value->value),
               .deleted = value->deleted()});
        }
        return db::Visit::go_on;
      }));
  return out;
}

Result<std::optional<std::string>> mailbox_annotation(Store& store, const meta::MailboxEntry& entry,
                                                      std::string_view annotation, bool inherit) {
  std::optional<std::string> value;
  CYR_TRY(db::Database * database, open_global(store));
  if (database == nullptr) {
    return value;
  }
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  for (std::string name = entry.name; !name.empty(); name = parent_of(name)) {
    const auto at = list->find(name);  // an unreadable entry above has nothing to say
    if (at && *at && (*at)->type.local()) {
      CYR_TRY(const std::string where, key_of(store, **at));
      CYR_TRY(value, shared_value(*database, where, annotation));
    }
    if (value || !inherit) {
      return value;
    }
  }
  return shared_value(*database, "", annotation);
}

Status erase_mailbox_annotations(Store& store, const meta::MailboxEntry& entry) {
  CYR_TRY(db::Database * database, open_global(store));
  CYR_TRY(const std::string where, key_of(store, entry));
  if (database == nullptr || where.empty()) {
    return success();
  }
  CYR_TRY(const auto transaction, database->begin());
  std::vector<std::string> keys;
  CYR_CHECK(transaction->for_each(where + '\0',
                                  [&keys](std::string_view key, std::string_view) -> Result<db::Visit> {
                                    keys.emplace_back(key);
                                    return db::Visit::go_on;
                                  }));
  for (const auto& key : keys) {
    CYR_CHECK(transaction->erase(key));
  }
  return transaction->commit();
}

}  // namespace cyr::store

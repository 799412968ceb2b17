#include "format/check/list_companions.h"

#include <algorithm>
#include <map>

#include "format/check/list_target.h"
#include "format/mailbox/annotation_record.h"

namespace cyr::check {

namespace {

constexpr std::string_view list_generation = "list-generation";
using Records = std::map<std::string, std::string>;

class Companions {
 public:
  Companions(store::Store& store, const ListPlan& plan, store::SavedCopies& saved)
      : store_(store), plan_(plan), saved_(saved) {
    for (const auto& planned : plan.entries) {
      if (!planned.entry.type.deleted && !planned.entry.uniqueid.empty()) {
        ids_.emplace(planned.entry.name, &planned.entry);
      }
    }
  }

  Result<CompanionSummary> run() {
    if (meta::is_keyed(plan_.format)) {
      CYR_CHECK(annotations());
    }
    CYR_CHECK(rename_user_files());
    CYR_CHECK(saved_.settle(""));
    return std::move(summary_);
  }

 private:
  // Nothing when there is no such database; one that cannot be read is left alone.
  std::optional<std::pair<db::Kind, Records>> read(const fs::path& path) {
    const auto there = store_.io().exists(path);
    if (!there || !*there) {
      return {};
    }
    auto database = store_.open_database(path, conf::Option::annotation_db);
    Records records;
    const Status walked =
        database
            ? (*database)->for_each("",
                                    [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
                                      records.emplace(key, value);
                                      return db::Visit::go_on;
                                    })
            : Status(database.error());
    if (!walked) {
      summary_.left.push_back(walked.error().text());
      return {};
    }
    return std::pair((*database)->kind(), std::move(records));
  }

  // The key with the mailbox's unique id; the same key when it names no mailbox of the list.
  [[nodiscard]] std::string key_by_id(const std::string& key) const {
    auto parts = mailbox::decode_annotation_key(as_bytes(key));
    if (!parts) {
      return key;
    }
    const auto entry = ids_.find(parts->where);
    if (entry == ids_.end()) {
      return key;
    }
    const auto name = names::MailboxName::from_internal(parts->where, store_.name_space());
    if (name && name->is_user() && parts->userid == name->user().text()) {
      parts->userid = mailbox::kOwnerToken;
    }
    parts->where = entry->second->uniqueid;
    const auto encoded = mailbox::encode_annotation_key(*parts);
    return encoded ? std::string(as_text(*encoded)) : key;
  }

  Status annotations() {
    const fs::path path = store_.paths().annotations_db();
    auto present = read(path);
    Records wanted;
    for (const auto& [key, value] : present ? present->second : Records{}) {
      const std::string by_id = key_by_id(key);
      summary_.annotations += by_id == key ? 0 : 1;
      wanted.emplace(by_id, value);
    }
    std::optional<db::Kind> kind = present ? std::optional(present->first) : std::nullopt;
    if (plan_.sources.front().lost()) {
      auto old = read(path.native() + ".OLD");
      for (const auto& [key, value] : old ? old->second : Records{}) {
        summary_.annotations_back += wanted.emplace(key_by_id(key), value).second ? 1 : 0;
      }
      kind = kind || !old ? kind : std::optional(old->first);
    }
    if (summary_.annotations + summary_.annotations_back == 0 || !kind || store_.io().read_only()) {
      return success();
    }
    return write(path, *kind, wanted);
  }

  Status write(const fs::path& path, db::Kind kind, const Records& records) {
    Io& io = store_.io();
    const fs::path temporary = path.native() + ".NEW";
    CYR_TRY(const bool left_over, io.exists(temporary));
    if (left_over) {
      CYR_CHECK(saved_.before_remove(temporary, {"", list_generation}));
      CYR_CHECK(io.unlink(temporary));
    }
    {
      CYR_TRY(auto database, db::open(io, temporary, kind, {.create = true, .order = {}, .mode = 0600}));
      CYR_TRY(const auto transaction, database->begin());
      for (const auto& [key, value] : records) {
        CYR_CHECK(transaction->put(key, value));
      }
      CYR_CHECK(transaction->commit());
    }
    CYR_TRY(const bool there, io.exists(path));
    CYR_CHECK(there ? saved_.before_replace(path, {"", list_generation})
                    : saved_.before_create(path, {"", list_generation}));
    store_.close_databases();
    CYR_CHECK(io.rename(temporary, path));
    return io.sync_directory(path.parent_path());
  }

  // 2.1 to 2.5 named them after the internal spelling of the user id (store.md 2.8).
  Status rename_user_files() {
    for (const auto& file : user_files(store_)) {
      if (file.localpart.find('^') == std::string::npos) {
        continue;
      }
      std::string plain = file.localpart;
      std::replace(plain.begin(), plain.end(), '^', '.');
      CYR_TRY(const auto to, store_.paths().user_file_by_name({plain, file.domain}, file.suffix));
      CYR_TRY(const bool taken, store_.io().exists(to));
      if (taken) {
        summary_.left.push_back(file.path.native() + ": " + to.filename().native() + " is there already");
        continue;
      }
      ++summary_.user_files;
      if (!store_.io().read_only()) {
        CYR_CHECK(saved_.make_directories(to.parent_path(), 0755, {"", list_generation}));
        CYR_CHECK(saved_.before_rename(file.path, to, {"", list_generation}));
        CYR_CHECK(store_.io().rename(file.path, to));
        CYR_CHECK(store_.io().sync_directory(to.parent_path()));
        CYR_CHECK(store_.io().sync_directory(file.path.parent_path()));
      }
    }
    return success();
  }

  store::Store& store_;
  const ListPlan& plan_;
  store::SavedCopies& saved_;
  std::map<std::string, const meta::MailboxEntry*> ids_;
  CompanionSummary summary_;
};

}  // namespace

Result<CompanionSummary> carry_companions(store::Store& store, const ListPlan& plan,
                                          store::SavedCopies& saved) {
  if (plan.format < meta::ListFormat::dlist_30) {
    return CompanionSummary{};
  }
  Companions companions(store, plan, saved);
  return companions.run();
}

}  // namespace cyr::check

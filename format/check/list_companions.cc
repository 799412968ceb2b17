#include "format/check/list_companions.h"

#include <algorithm>
#include <map>

#include "format/base/list_if_there.h"
#include "format/check/list_target.h"
#include "format/check/user_records.h"
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
        add_id(planned.entry.name, planned.entry.uniqueid);
      }
    }
    for (const auto& [mailbox, id] :
         plan.resumed ? plan.resumed->ids : std::map<std::string, std::string>{}) {
      add_id(mailbox, id);  // the list may be of a form without ids already
    }
  }

  Result<CompanionSummary> run() {
    if (meta::is_keyed(plan_.format) || loses_ids(plan_)) {
      CYR_CHECK(annotations());
    }
    CYR_TRY(const auto config, store_.config().for_release(release_of_list(plan_.format)));
    CYR_TRY(const auto paths, names::Paths::from_config(config));
    if (loses_ids(plan_)) {
      CYR_CHECK(scripts_by_name(paths));
    }
    CYR_CHECK(rename_scripts(paths));
    if (plan_.format < meta::ListFormat::dlist_30) {
      CYR_CHECK(saved_.settle(""));
      return std::move(summary_);
    }
    CYR_CHECK(rename_user_files());
    CYR_CHECK(copy_seen_states());
    CYR_CHECK(saved_.settle(""));
    return std::move(summary_);
  }

 private:
  void add_id(const std::string& mailbox, const std::string& id) {
    ids_.emplace(mailbox, id);
    names_.emplace(id, mailbox);
  }

  // Nothing when there is no such database; a damaged one is left alone.
  Result<std::optional<std::pair<db::Kind, Records>>> read(const fs::path& path) {
    std::optional<std::pair<db::Kind, Records>> out;
    CYR_TRY(const bool there, store_.io().exists(path));
    if (!there) {
      return out;
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
    if (walked) {
      out.emplace((*database)->kind(), std::move(records));
    } else if (walked.error().code == Errc::corrupt || walked.error().code == Errc::not_found) {
      summary_.left.push_back(walked.error().text());
    } else {
      return walked.error();  // a failing disk: the same command has to be given again
    }
    return out;
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
    parts->where = entry->second;
    const auto encoded = mailbox::encode_annotation_key(*parts);
    return encoded ? std::string(as_text(*encoded)) : key;
  }

  // The way back: the key with the mailbox's name, and the owner's id where 3.6 has its token.
  [[nodiscard]] std::string key_by_name(const std::string& key) const {
    auto parts = mailbox::decode_annotation_key(as_bytes(key));
    const auto found = parts ? names_.find(parts->where) : names_.end();
    if (found == names_.end()) {
      return key;
    }
    parts->where = found->second;
    if (parts->userid == mailbox::kOwnerToken) {
      const auto name = names::MailboxName::from_internal(parts->where, store_.name_space());
      parts->userid = name ? name->user().text() : "";
    }
    const auto encoded = mailbox::encode_annotation_key(*parts);
    return encoded ? std::string(as_text(*encoded)) : key;
  }

  // The stock upgrade leaves out the server's own annotations, and those of mailboxes that it leaves out. Any
  // other one that is not there now was deleted since.
  [[nodiscard]] bool was_dropped(const std::string& key, bool no_server) const {
    const auto parts = mailbox::decode_annotation_key(as_bytes(key));
    if (!parts || plan_.sources.front().lost()) {
      return true;
    }
    return parts->where.empty() ? no_server : plan_.sources.front().find(parts->where) == nullptr;
  }

  Status annotations() {
    const fs::path path = store_.paths().annotations_db();
    CYR_TRY(auto present, read(path));
    Records wanted;
    for (const auto& [key, value] : present ? present->second : Records{}) {
      std::string wanted_key = loses_ids(plan_) ? key_by_name(key) : key_by_id(key);
      summary_.annotations += wanted_key == key ? 0 : 1;
      wanted.emplace(std::move(wanted_key), value);
    }
    std::optional<db::Kind> kind = present ? std::optional(present->first) : std::nullopt;
    std::optional<std::pair<db::Kind, Records>> old;
    if (!loses_ids(plan_)) {
      CYR_TRY(old, read(path.native() + ".OLD"));
    }
    if (old) {
      const bool no_server = std::none_of(wanted.begin(), wanted.end(),
                                          [](const auto& record) { return record.first.starts_with('\0'); });
      for (const auto& [key, value] : old->second) {
        if (was_dropped(key, no_server)) {
          summary_.annotations_back += wanted.emplace(key_by_id(key), value).second ? 1 : 0;
        }
      }
      kind = kind.value_or(old->first);
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
    CYR_TRY(const auto files, user_files(store_));
    for (const auto& file : files) {
      if (file.localpart.find('^') == std::string::npos) {
        continue;
      }
      const names::UserId user = plain_user(file);
      CYR_TRY(const auto to, store_.paths().user_file_by_name(user, file.suffix));
      CYR_TRY(const bool taken, store_.io().exists(to));
      if (taken && !user_data_of(file.suffix)) {
        summary_.left.push_back(file.path.native() + ": " + to.filename().native() + " is there already");
        continue;
      }
      ++summary_.user_files;
      if (store_.io().read_only()) {
        continue;
      }
      if (taken) {
        CYR_CHECK(unite(file, to, user));
        continue;
      }
      CYR_CHECK(saved_.make_directories(to.parent_path(), 0755, {"", list_generation}));
      CYR_CHECK(saved_.before_rename(file.path, to, {"", list_generation}));
      CYR_CHECK(rename(file.path, to));
    }
    return success();
  }

  static names::UserId plain_user(const UserFile& file) {
    std::string plain = file.localpart;
    std::replace(plain.begin(), plain.end(), '^', '.');
    return {plain, file.domain};
  }

  Status rename(const fs::path& from, const fs::path& to) {
    CYR_CHECK(store_.io().rename(from, to));
    CYR_CHECK(store_.io().sync_directory(to.parent_path()));
    return store_.io().sync_directory(from.parent_path());
  }

  // The new server made an empty one when the user came first: what is in both counts.
  Status unite(const UserFile& file, const fs::path& to, const names::UserId& user) {
    const UserData what = *user_data_of(file.suffix);
    const std::string inbox = names::MailboxName::inbox_of(user).to_internal(store_.name_space());
    CYR_TRY(const auto old, read_user_records(store_, file.path, what, inbox));
    CYR_TRY(auto present, read_user_records(store_, to, what, inbox));
    if (merge_user_records(present, old, what) != 0) {
      CYR_TRY(const auto database, store::user_database(store_, file.suffix, to));
      if (!database.wanted_kind) {
        summary_.left.push_back(to.native() + ": no backend " + database.wanted);
        return success();
      }
      CYR_CHECK(write_user_records(store_, database, present, what, inbox, saved_, list_generation));
    }
    CYR_TRY([[maybe_unused]] const auto aside, saved_.move_aside(file.path, {"", list_generation}));
    return success();
  }

  // sievedir/h/harry^q^bovik, to the spelling of the release.
  Status rename_scripts(const names::Paths& paths) {
    const fs::path top(std::string(store_.config().text(conf::Option::sievedir)));
    CYR_CHECK(rename_scripts_below(paths, top, ""));
    CYR_TRY(const auto letters, list_if_there(store_.io(), top / "domain"));
    for (const auto& letter : letters) {
      CYR_TRY(const auto domains, list_if_there(store_.io(), top / "domain" / letter.name));
      for (const auto& domain : domains) {
        CYR_CHECK(rename_scripts_below(paths, top / "domain" / letter.name / domain.name, domain.name));
      }
    }
    return success();
  }

  Status rename_scripts_below(const names::Paths& paths, const fs::path& top, const std::string& domain) {
    CYR_TRY(const auto letters, list_if_there(store_.io(), top));
    for (const auto& letter : letters) {
      if (letter.name.size() != 1) {
        continue;
      }
      CYR_TRY(const auto users, list_if_there(store_.io(), top / letter.name));
      for (const auto& one : users) {
        if (one.name.find_first_of("^.") == std::string::npos || one.kind != FileKind::directory) {
          continue;
        }
        const fs::path from = top / letter.name / one.name;
        CYR_TRY(const auto to, paths.sieve_by_name(plain_user({from, domain, one.name, ""})));
        if (to != from) {
          CYR_CHECK(move_scripts(from, to));
        }
      }
    }
    return success();
  }

  // sievedir/uuid/x/y/ID, for a release that does not look there.
  Status scripts_by_name(const names::Paths& paths) {
    for (const auto& [mailbox, id] : ids_) {
      const auto name = names::MailboxName::from_internal(mailbox, store_.name_space());
      if (!name || !name->is_inbox()) {
        continue;
      }
      const auto from = paths.sieve_by_id(id);
      CYR_TRY(const bool there, from ? store_.io().exists(*from) : Result<bool>(false));
      if (there) {
        CYR_TRY(const auto to, paths.sieve_by_name(name->user()));
        CYR_CHECK(move_scripts(*from, to));
      }
    }
    return success();
  }

  // File by file, so that --undo brings them back.
  Status move_scripts(const fs::path& from, const fs::path& to) {
    CYR_TRY(const auto present, list_if_there(store_.io(), to));
    if (!present.empty() && !plan_.resumed) {
      summary_.left.push_back(from.native() + ": " + to.native() + " is there already");
      return success();
    }
    ++summary_.scripts;
    if (store_.io().read_only()) {
      return success();
    }
    CYR_TRY(const auto entries, store_.io().list(from));
    CYR_CHECK(saved_.make_directories(to, 0755, {"", list_generation}));
    for (const auto& entry : entries) {
      CYR_TRY(const bool taken, is_there(to / entry.name));
      if (taken || entry.kind == FileKind::directory) {
        summary_.left.push_back((from / entry.name).native() + ": stays; the other scripts are in " +
                                to.native());
        continue;
      }
      CYR_CHECK(saved_.before_rename(from / entry.name, to / entry.name, {"", list_generation}));
      CYR_CHECK(rename(from / entry.name, to / entry.name));
    }
    CYR_TRY(const auto left, store_.io().list(from));
    return left.empty() ? store_.io().remove_directory(from) : success();
  }

  // A symbolic link too that leads nowhere.
  Result<bool> is_there(const fs::path& path) {
    const auto info = store_.io().lstat(path);
    return info || info.error().code == Errc::not_found ? Result<bool>(info.has_value()) : info.error();
  }

  // A mailbox and its copy had one unique id: what users have read is filed under it for both.
  Status copy_seen_states() {
    std::vector<SeenMove> moves;
    for (const auto& planned : plan_.entries) {
      if (!planned.shared_id.empty()) {
        moves.push_back({planned.shared_id, planned.entry.uniqueid, true});
      }
    }
    CYR_TRY(summary_.seen_states, move_seen_states(store_, moves, saved_, summary_.left));
    return success();
  }

  store::Store& store_;
  const ListPlan& plan_;
  store::SavedCopies& saved_;
  std::map<std::string, std::string> ids_, names_;  // by name, and by unique id
  CompanionSummary summary_;
};

}  // namespace

Result<CompanionSummary> carry_companions(store::Store& store, const ListPlan& plan,
                                          store::SavedCopies& saved) {
  if (plan.format < meta::ListFormat::dlist_30 && !goes_down(plan)) {
    return CompanionSummary{};
  }
  Companions companions(store, plan, saved);
  return companions.run();
}

}  // namespace cyr::check

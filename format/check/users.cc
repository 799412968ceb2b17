#include "format/check/users.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "format/base/list_if_there.h"
#include "format/base/text.h"
#include "format/check/list_sources.h"
#include "format/check/list_target.h"
#include "format/check/lost_subscriptions.h"
#include "format/check/seen_orphans.h"
#include "format/db/convert.h"
#include "format/store/user_files.h"

namespace cyr::check {

namespace {

using names::UserId;
using store::DatabaseFile;

constexpr std::string_view users_reason = "user-files";

struct UserSource {
  fs::path path;
  bool in_store = false;  // else of --merge, and only read
};
using UserKey = std::pair<UserId, std::string>;  // user and suffix

class Users {
 public:
  Users(store::Store& store, const UsersOptions& options, store::SavedCopies& saved, store::UserLocks& locks,
        const UserSink& sink)
      : store_(store), options_(options), saved_(saved), locks_(locks), sink_(sink) {}

  Result<UsersSummary> run() {
    CYR_CHECK(read_inboxes());
    CYR_CHECK(collect());
    for (const auto& path : options_.merge) {
      CYR_CHECK(collect_merge(path));
    }
    std::set<UserId> users;
    for (const auto& [key, sources] : groups_) {
      if (options_.stop != nullptr && *options_.stop) {
        return make_error(Errc::cancelled, "stopped by a signal");
      }
      users.insert(key.first);
      if (const auto done = mend(key, sources); !done) {
        CYR_CHECK(saved_.settle(""));
        tell(UserStep::left, key.first.text(), sources.front().path, done.error().text());
        ++summary_.failed;
      }
    }
    CYR_CHECK(saved_.settle(""));
    if (options_.guess) {
      CYR_CHECK(guess_missing());
    }
    CYR_CHECK(reattach());
    summary_.users = users.size();
    return summary_;
  }

 private:
  [[nodiscard]] bool dry_run() const { return store_.io().read_only(); }

  void tell(UserStep step, std::string user, fs::path path, std::string text) {
    (step == UserStep::left ? summary_.left : summary_.changed) += 1;
    sink_({step, std::move(user), std::move(path), std::move(text)});
  }

  [[nodiscard]] bool wanted(const UserId& user) const {
    return options_.users.empty() ||
           std::find(options_.users.begin(), options_.users.end(), user) != options_.users.end();
  }

  [[nodiscard]] std::string inbox_of(const UserId& user) const {
    return names::MailboxName::inbox_of(user).to_internal(store_.name_space());
  }

  // Whose directory of databases is called after which unique id; earlier ids of an INBOX too.
  Status read_inboxes() {
    CYR_TRY(meta::MailboxList * list, store_.mailbox_list());
    format_ = list->format();
    CYR_CHECK(list->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
      if (item.entry && item.entry->type.local()) {
        note_inbox(*item.entry);
      }
      return db::Visit::go_on;
    }));
    inbox_ids_.insert(options_.inboxes.begin(), options_.inboxes.end());
    CYR_TRY(const auto sources, read_list_sources(store_));
    for (std::size_t i = 1; i < sources.size(); ++i) {
      for (const auto& [name, entry] : sources[i].entries) {
        if (entry.type.local() && users_.contains(entry.name)) {
          note_inbox(entry);
        }
      }
    }
    return success();
  }

  void note_inbox(const meta::MailboxEntry& entry) {
    const auto name = names::MailboxName::from_internal(entry.name, store_.name_space());
    if (name && name->is_inbox()) {
      users_.emplace(entry.name, name->user());
      inbox_ids_.emplace(entry.uniqueid, name->user());
    }
  }

  // A file by name, whichever way a dot in the id is spelt.
  [[nodiscard]] UserId user_of(std::string localpart, const std::string& domain) const {
    std::replace(localpart.begin(), localpart.end(), '^', '.');
    return {std::move(localpart), domain == store_.name_space().defaultdomain ? "" : domain};
  }

  void add(const UserId& user, std::string suffix, fs::path path, bool in_store) {
    if (wanted(user) && !user.empty()) {
      groups_[{user, std::move(suffix)}].push_back({std::move(path), in_store});
    }
  }

  Status collect() {
    CYR_TRY(const auto files, user_files(store_));
    for (const auto& file : files) {
      if (store::user_database(store_, file.suffix, file.path)) {
        add(user_of(file.localpart, file.domain), file.suffix, file.path, true);
      }
    }
    return collect_by_id(store_.paths().config_directory(), true);
  }

  // user/uuid/I/D/ID/sub.db
  Status collect_by_id(const fs::path& config_directory, bool in_store) {
    Io& io = store_.io();
    const fs::path top = config_directory / "user/uuid";
    CYR_TRY(const auto firsts, list_if_there(io, top));
    for (const auto& first : firsts) {
      CYR_TRY(const auto seconds, list_if_there(io, top / first.name));
      for (const auto& second : seconds) {
        CYR_TRY(const auto ids, list_if_there(io, top / first.name / second.name));
        for (const auto& id : ids) {
          CYR_CHECK(collect_directory(top / first.name / second.name / id.name, id.name, in_store));
        }
      }
    }
    return success();
  }

  Status collect_directory(const fs::path& directory, const std::string& id, bool in_store) {
    const auto user = inbox_ids_.find(id);
    CYR_TRY(const auto entries, list_if_there(store_.io(), directory));
    for (const auto& entry : entries) {
      const std::string suffix =
          entry.name.ends_with(".db") ? entry.name.substr(0, entry.name.size() - 3) : "";
      if (suffix.empty() || (!in_store && !user_data_of(suffix))) {
        continue;
      }
      if (user != inbox_ids_.end()) {
        add(user->second, suffix, directory / entry.name, in_store);
      } else if (options_.users.empty() && in_store) {
        tell(UserStep::left, "", directory / entry.name, "no INBOX has this unique id");
      }
    }
    return success();
  }

  Status collect_merge(const fs::path& path) {
    const auto info = store_.io().stat(path);
    if (!info) {
      return Error(info.error()).at(path);
    }
    if (info->kind == FileKind::directory) {
      CYR_TRY(const auto files, user_files_below(store_.io(), path));
      for (const auto& file : files) {
        if (user_data_of(file.suffix)) {
          add(user_of(file.localpart, file.domain), file.suffix, file.path, false);
        }
      }
      return collect_by_id(path, false);
    }
    std::string name = path.filename().string();
    std::string suffix = path.extension().string();
    suffix = suffix.empty() ? suffix : suffix.substr(1);
    UserId user;
    if (suffix == "db") {
      suffix = path.stem().string();
    } else {
      user = user_of(path.stem().string(), "");
    }
    if (options_.users.size() == 1) {
      user = options_.users.front();
    }
    if (!user_data_of(suffix) || user.empty()) {
      return make_error(Errc::invalid, "is neither a user's .sub or .seen nor a directory with them")
          .at(path)
          .with_hint("for sub.db and seen.db name the one user that they are of");
    }
    add(user, suffix, path, false);
    return success();
  }

  // Where the server looks. Up to 2.5 under the mailbox's spelling of the id.
  Result<fs::path> place_of(const UserId& user, const std::string& suffix,
                            const std::vector<UserSource>& sources) {
    CYR_TRY(const fs::path path, store::user_file(store_, user, suffix));
    if (format_ < meta::ListFormat::dlist_30) {
      for (const auto& source : sources) {
        if (source.in_store && source.path.filename().native().find('^') != std::string::npos) {
          return source.path;
        }
      }
      if (!old_paths_) {
        CYR_TRY(const auto config, store_.config().for_release(release_of_list(format_)));
        CYR_TRY(old_paths_, names::Paths::from_config(config));
      }
      return old_paths_->user_file_by_name(user, suffix);
    }
    return path;
  }

  // An option that is not given means the default of the release whose store this is, not of the newest.
  Result<DatabaseFile> database_at(const std::string& suffix, const fs::path& path) {
    CYR_TRY(auto file, store::user_database(store_, suffix, path));
    if (!meta::is_keyed(format_) && file.option) {
      CYR_TRY(const auto config, store_.config().for_release(release_of_list(format_)));
      file.wanted = std::string(config.text(*file.option));
      file.wanted_kind = db::kind_from_name(file.wanted);
    }
    return file;
  }

  // What is no database of records (counters), or one of which two cannot become one: to where the server
  // looks for it, unless it has one there.
  Status bring_over(const UserId& user, const std::vector<UserSource>& sources, const fs::path& place) {
    for (const auto& source : sources) {
      if (source.path == place) {
        continue;
      }
      CYR_TRY(const bool taken, store_.io().exists(place));
      if (taken || sources.size() > 1) {
        tell(UserStep::left, user.text(), source.path, "the server looks for it at " + place.native());
        continue;
      }
      if (!dry_run()) {
        CYR_CHECK(saved_.make_directories(place.parent_path(), 0755, {"", users_reason}));
        CYR_CHECK(saved_.before_rename(source.path, place, {"", users_reason}));
        CYR_CHECK(store_.io().rename(source.path, place));
        CYR_CHECK(store_.io().sync_directory(place.parent_path()));
        CYR_CHECK(store_.io().sync_directory(source.path.parent_path()));
      }
      tell(UserStep::converted, user.text(), place, "was " + source.path.native());
    }
    return success();
  }

  Status mend(const UserKey& key, const std::vector<UserSource>& sources) {
    CYR_TRY(const fs::path place, place_of(key.first, key.second, sources));
    summary_.files += sources.size();
    if (!user_data_of(key.second)) {
      CYR_CHECK(bring_over(key.first, sources, place));
    }
    if (!store::user_database(store_, key.second, place)) {
      return success();
    }
    CYR_TRY(const auto file, database_at(key.second, place));
    if (!file.wanted_kind) {
      return make_error(Errc::config, "no backend " + file.wanted);
    }
    std::shared_ptr<File> lock;
    if (!dry_run()) {
      CYR_TRY(const fs::path path, store_.paths().user_lock(key.first));
      CYR_TRY(lock, locks_.take(store_.io(), path, store::LockFor::change));
    }
    const auto what = user_data_of(key.second);
    return what ? mend_records(key.first, file, *what, sources) : convert(key.first, file);
  }

  // In its place, to another backend.
  Status convert(const UserId& user, const DatabaseFile& file) {
    CYR_TRY(const bool there, store_.io().exists(file.path));
    const auto kind = there ? db::detect(store_.io(), file.path)
                            : Result<std::optional<db::Kind>>(std::optional<db::Kind>());
    if (!kind && kind.error().code != Errc::corrupt) {
      return kind.error();
    }
    if (!kind || !*kind || **kind == *file.wanted_kind) {
      return success();  // an empty one is made new by the server
    }
    db::ConvertOptions how;
    how.keep_old = false;  // it is among the saved ones
    how.dry_run = dry_run();
    how.open = file.open;
    CYR_CHECK(saved_.before_replace(file.path, {"", users_reason}));
    CYR_TRY(const auto done, db::convert(store_.io(), file.path, *kind, file.path, *file.wanted_kind, how));
    tell(UserStep::converted, user.text(), file.path,
         fmt::format("was {}, {} records", db::name_of(**kind), done.records));
    return success();
  }

  // What is to become of a database.
  struct Wanted {
    UserRecords records;
    std::vector<UserFinding> findings;
    std::vector<fs::path> done_with;  // whose records are in `records` now
    bool write = false;
  };

  Result<Wanted> look(const UserId& user, const DatabaseFile& file, UserData what,
                      const std::vector<UserSource>& sources, UserRecords present) {
    Wanted out;
    out.records = std::move(present);
    UserRecords& records = out.records;
    const auto note = [&](UserStep step, const fs::path& path, std::string text) {
      out.findings.push_back({step, user.text(), path, std::move(text)});
      out.write = out.write || step != UserStep::united;
    };
    const auto right = subscription_version_of(format_);
    records.version = records.there ? records.version : right;
    if (!records.damage.empty()) {
      note(UserStep::repaired, file.path,
           fmt::format("{}: {} records saved", records.damage, records.records.size()));
    } else if (records.kind && *records.kind != *file.wanted_kind) {
      note(UserStep::converted, file.path,
           fmt::format("was {}, {} records", db::name_of(*records.kind), records.records.size()));
    }
    if (what == UserData::subscriptions && records.version > right) {
      note(UserStep::converted, file.path, "has the form of a later release");
      records.version = right;
    }
    for (const auto& source : sources) {
      if (source.path == file.path) {
        continue;
      }
      CYR_TRY(const auto other, read_user_records(store_, source.path, what, inbox_of(user)));
      const auto gained = merge_user_records(records, other, what);
      if (source.in_store) {
        out.done_with.push_back(source.path);
      }
      if (gained != 0 || source.in_store) {
        note(UserStep::united, source.path,
             fmt::format("{} records came to {}{}", gained, file.path.native(),
                         other.damage.empty() ? "" : ", salvaged from a damaged file: " + other.damage));
      }
      out.write = out.write || gained != 0;
    }
    return out;
  }

  Status mend_records(const UserId& user, const DatabaseFile& file, UserData what,
                      const std::vector<UserSource>& sources) {
    CYR_TRY(auto present, read_user_records(store_, file.path, what, inbox_of(user)));
    const auto kind = present.kind;
    const bool sound = present.there && kind && present.damage.empty();
    CYR_TRY(auto wanted, look(user, file, what, sources, std::move(present)));
    if (!dry_run() && (wanted.write || !wanted.done_with.empty())) {
      // Once more with the lock held, so that a server's change is either in the new file or comes to it.
      std::unique_ptr<db::Database> database;
      std::unique_ptr<db::Transaction> transaction;
      if (sound) {
        CYR_TRY(database,
                store_.open_database(file.path, what == UserData::seen ? conf::Option::seenstate_db
                                                                       : conf::Option::subscription_db));
        CYR_TRY(transaction, database->begin());
        CYR_TRY(present, read_user_records(store_, *transaction, *kind, what, inbox_of(user)));
        CYR_TRY(wanted, look(user, file, what, sources, std::move(present)));
      }
      if (wanted.write) {
        CYR_CHECK(
            write_user_records(store_, file, wanted.records, what, inbox_of(user), saved_, users_reason));
      }
      for (const auto& path : wanted.done_with) {
        CYR_TRY([[maybe_unused]] const auto aside, saved_.move_aside(path, {"", users_reason}));
      }
      if (transaction) {
        CYR_CHECK(transaction->abort());
      }
    }
    for (auto& finding : wanted.findings) {
      tell(finding.step, finding.user, finding.path, finding.text);
    }
    for (const auto& odd : wanted.write ? wanted.records.odd : std::vector<std::string>{}) {
      tell(UserStep::left, user.text(), file.path, "key '" + odd + "' is none; it is in the old file only");
    }
    return success();
  }

  // Users whose subscriptions are gone without a rest.
  Status guess_missing() {
    for (const auto& [inbox, user] : users_) {
      if (!wanted(user)) {
        continue;
      }
      CYR_TRY(const fs::path place, store::user_file(store_, user, "sub"));
      CYR_TRY(auto present, read_user_records(store_, place, UserData::subscriptions, inbox));
      // After a repair with nothing saved the file is there, whole and empty.
      if (!present.records.empty() || (present.there && present.damage.empty() && !repaired_empty(place))) {
        continue;
      }
      CYR_TRY(const auto guess, guess_subscriptions(store_, user));
      if (guess.mailboxes.empty()) {
        continue;
      }
      present.version = subscription_version_of(format_);
      for (const auto& name : guess.mailboxes) {
        present.records.emplace(name, "");
      }
      CYR_TRY(const auto file, database_at("sub", place));
      if (!dry_run() && file.wanted_kind) {
        CYR_CHECK(
            write_user_records(store_, file, present, UserData::subscriptions, inbox, saved_, users_reason));
      }
      tell(UserStep::guessed, user.text(), place,
           fmt::format("{} subscriptions, from {}", guess.mailboxes.size(), guess.source));
    }
    return saved_.settle("");
  }

  [[nodiscard]] bool repaired_empty(const fs::path& place) const {
    const auto info = store_.io().stat(place);
    return info && info->size == 0;
  }

  Status reattach() {
    CYR_TRY(const auto orphans, find_seen_orphans(store_, options_.guess));
    std::vector<SeenMove> moves;
    for (const auto& match : orphans.matched) {
      moves.push_back(match.move);
    }
    std::vector<std::string> left;
    CYR_TRY(const auto moved, move_seen_states(store_, moves, saved_, left));
    for (const auto& match : moved != 0 ? orphans.matched : std::vector<OrphanMatch>{}) {
      tell(UserStep::reattached, "", {},
           fmt::format("{}: seen state of {} belongs to it: {}", match.mailbox, match.move.from,
                       match.reason));
    }
    for (auto& line : left) {
      tell(UserStep::left, "", {}, std::move(line));
    }
    return success();
  }

  store::Store& store_;
  const UsersOptions& options_;
  store::SavedCopies& saved_;
  store::UserLocks& locks_;
  const UserSink& sink_;
  meta::ListFormat format_ = meta::ListFormat::keyed_36;
  std::map<std::string, UserId> users_, inbox_ids_;  // by INBOX; by its unique id, earlier ones included
  std::optional<names::Paths> old_paths_;            // as the release has them whose store this is
  std::map<UserKey, std::vector<UserSource>> groups_;
  UsersSummary summary_;
};

}  // namespace

std::string_view name_of(UserStep step) {
  constexpr std::string_view names[] = {"converted", "repaired", "united", "reattached", "guessed", "left"};
  return names[static_cast<std::size_t>(step)];
}

Result<UsersSummary> mend_users(store::Store& store, const UsersOptions& options, store::SavedCopies& saved,
                                store::UserLocks& locks, const UserSink& sink) {
  return Users(store, options, saved, locks, sink).run();
}

}  // namespace cyr::check

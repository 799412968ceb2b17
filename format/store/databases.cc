#include "format/store/databases.h"

#include <algorithm>
#include <array>
#include <set>

#include "format/db/quotalegacy.h"

namespace cyr::store {

namespace {

using conf::Option;

constexpr int max_depth = 64;  // directories below each other; more is a loop of links

constexpr int max_old = 1000;  // old versions that are kept beside each other

// The databases of the server. `sorted`: its keys follow improved_mboxlist_sort.
struct ServerRow {
  std::string_view role;
  Option backend;
  std::optional<Option> path;  // an option with its place
  const char* name;            // below configdirectory; nullptr: only where the option says
  bool at_start = false;
  bool in_backup = false;
  bool sorted = false;
};
constexpr std::array server_rows = {
    ServerRow{"mailboxes", Option::mboxlist_db, Option::mboxlist_db_path, "mailboxes.db", true, true, true},
    ServerRow{"quotas", Option::quota_db, Option::quota_db_path, "quotas.db", true, true, true},
    ServerRow{"annotations", Option::annotation_db, Option::annotation_db_path, "annotations.db", true, true},
    ServerRow{"backups", Option::backup_db, Option::backup_db_path, "backups.db", true, true},
    ServerRow{"duplicates", Option::duplicate_db, Option::duplicate_db_path, "deliver.db", true},
    ServerRow{"tls sessions", Option::tls_sessions_db, Option::tls_sessions_db_path, "tls_sessions.db", true},
    ServerRow{"pts cache", Option::ptscache_db, Option::ptscache_db_path, "ptclient/ptscache.db", true},
    ServerRow{"status cache", Option::statuscache_db, Option::statuscache_db_path, "statuscache.db", true},
    ServerRow{"user deny", Option::userdeny_db, Option::userdeny_db_path, "user_deny.db"},
    ServerRow{"time zones", Option::zoneinfo_db, Option::zoneinfo_db_path, nullptr},
    ServerRow{"sync cache", Option::sync_cache_db, Option::sync_cache_db_path, nullptr},
};

// The databases of a user, by suffix; by id the file is "SUFFIX.db", by name "NAME.SUFFIX".
struct UserRow {
  std::string_view suffix;
  std::string_view role;
  Option backend;
  bool sorted = false;
};
constexpr std::array user_rows = {
    UserRow{"sub", "subscriptions", Option::subscription_db, true},
    UserRow{"seen", "seen state", Option::seenstate_db},
    UserRow{"mboxkey", "mailbox keys", Option::mboxkey_db},
    UserRow{"conversations", "conversations", Option::conversations_db},
};

// improved_mboxlist_sort: the mailbox list and subscriptions from 2.3.8, quotas from 2.4; ignored from 3.6
// on.
bool sorts(const conf::Config& config, bool quotas) {
  const conf::Release release = config.release();
  return config.is_on(Option::improved_mboxlist_sort) && release < conf::Release{3, 6, 0} &&
         release >= (quotas ? conf::Release{2, 4, 0} : conf::Release{2, 3, 8});
}

class Walk {
 public:
  Walk(Store& store, const std::function<Status(const DatabaseFile&)>& visit)
      : store_(store), visit_(visit) {}

  Status server() {
    for (const ServerRow& row : server_rows) {
      const bool quotas = row.backend == Option::quota_db;
      DatabaseFile file = describe(row.role, row.backend, row.sorted && sorts(config(), quotas));
      file.at_start = row.at_start;
      file.in_backup = row.in_backup;
      file.path = place(row);
      if (quotas && file.wanted_kind == db::Kind::quotalegacy) {
        file.path = store_.paths().quota_directory();
      }
      if (quotas) {
        CYR_TRY(const bool there, exists(file.path));
        if (!there) {
          file.path =
              path_for(store_, file,
                       file.wanted_kind == db::Kind::quotalegacy ? db::Kind::twoskip : db::Kind::quotalegacy);
        }
      }
      CYR_CHECK(offer(std::move(file)));
    }
    DatabaseFile news;
    news.role = "news";
    news.wanted = "flat";  // fixed
    news.wanted_kind = db::Kind::flat;
    const std::string_view given = config().text(Option::newsrc_db_path);
    news.path = given.empty() ? config().config_directory() / "fetchnews.db" : fs::path(std::string(given));
    return offer(std::move(news));
  }

  Status users() {
    for (const char* top : {"user", "domain"}) {
      CYR_CHECK(directory(config().config_directory() / top, 0,
                          [&](const fs::path& path) { return user_file(path); }));
    }
    return success();
  }

  Status mailboxes() {
    std::vector<fs::path> paths;  // collected first: what is done to them must not wait for the list's lock
    const auto list = store_.mailbox_list();
    if (!list) {
      return list.error().code == Errc::not_found ? success() : Status(list.error());
    }
    std::vector<meta::MailboxEntry> entries;
    CYR_CHECK((*list)->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
      if (item.entry && item.entry->type.local()) {
        entries.push_back(*item.entry);
      }
      return db::Visit::go_on;
    }));
    for (const meta::MailboxEntry& entry : entries) {
      if (const auto files = store_.files(entry)) {
        paths.push_back(files->annotations);
      }
    }
    store_.close_databases();
    for (const fs::path& path : paths) {
      DatabaseFile file = describe("mailbox annotations", Option::annotation_db, false);
      file.path = path;
      CYR_CHECK(offer(std::move(file)));
    }
    return success();
  }

  // Nothing for a suffix of no database.
  [[nodiscard]] std::optional<DatabaseFile> user_database(std::string_view suffix) const {
    for (const UserRow& row : user_rows) {
      if (row.suffix == suffix) {
        return describe(row.role, row.backend, row.sorted && sorts(config(), false));
      }
    }
    return {};
  }

  Status search() {
    std::set<fs::path> roots;
    for (const std::string& partition : store_.partitions().names()) {
      for (const auto& [tier, root] : store_.partitions().search_roots(partition)) {
        roots.insert(root);
      }
    }
    for (const fs::path& root : roots) {
      CYR_CHECK(directory(root, 0, [&](const fs::path& path) -> Status {
        if (path.filename() != "cyrus.indexed.db") {
          return success();
        }
        DatabaseFile file = describe("search index", Option::search_indexed_db, false);
        file.path = path;
        return offer(std::move(file));
      }));
    }
    return success();
  }

 private:
  [[nodiscard]] const conf::Config& config() const { return store_.config(); }

  // Links are followed, as Cyrus does.
  Result<bool> exists(const fs::path& path) {
    const auto info = store_.io().stat(path);
    if (!info && info.error().code != Errc::not_found) {
      return info.error();
    }
    return info.has_value();
  }

  [[nodiscard]] fs::path place(const ServerRow& row) const {
    if (row.path) {
      if (const std::string_view given = config().text(*row.path); !given.empty()) {
        return fs::path(std::string(given));
      }
    }
    if (row.backend == Option::zoneinfo_db) {
      const std::string_view directory = config().text(Option::zoneinfo_dir);
      return directory.empty() ? fs::path() : fs::path(std::string(directory)) / "zoneinfo.db";
    }
    return row.name == nullptr ? fs::path() : config().config_directory() / row.name;
  }

  [[nodiscard]] DatabaseFile describe(std::string_view role, Option backend, bool sorted) const {
    DatabaseFile file;
    file.role = role;
    file.option = backend;
    file.wanted = std::string(config().text(backend));
    file.wanted_kind = db::kind_from_name(file.wanted);
    const names::Namespace& ns = store_.name_space();
    file.open.full_dir_hash = ns.fulldirhash;
    file.open.virtual_domains = ns.virtdomains != names::VirtualDomains::off;
    file.open.sync = db::name_syncs(file.wanted) &&
                     !(file.wanted_kind == db::Kind::skiplist && config().is_on(Option::skiplist_unsafe));
    if (sorted) {
      file.open.order = db::Order::mbox;
    }
    return file;
  }

  Status offer(DatabaseFile file) {
    if (file.path.empty()) {
      return success();
    }
    const auto info = store_.io().stat(file.path);
    if (!info) {
      return info.error().code == Errc::not_found ? success() : Status(info.error());
    }
    file.empty = info->kind == FileKind::regular && info->size == 0;
    const auto kind = db::detect(store_.io(), file.path);
    file.kind = kind ? *kind : std::optional<db::Kind>();
    return visit_(file);
  }

  Status user_file(const fs::path& path) {
    const std::string name = path.filename().string();
    const bool by_id = path.parent_path().parent_path().parent_path().parent_path().filename() == "uuid";
    for (const UserRow& row : user_rows) {
      const std::string suffix = "." + std::string(row.suffix);
      const bool fits = by_id ? name == std::string(row.suffix) + ".db"
                              : name.size() > suffix.size() && std::string_view(name).ends_with(suffix);
      if (fits) {
        DatabaseFile file = describe(row.role, row.backend, row.sorted && sorts(config(), false));
        file.path = path;
        return offer(std::move(file));
      }
    }
    return success();
  }

  // Every regular file below `top`, in order of names.
  Status directory(const fs::path& top, int depth, const std::function<Status(const fs::path&)>& each) {
    auto entries = store_.io().list(top);
    if (!entries) {
      return entries.error().code == Errc::not_found ? success() : Status(entries.error());
    }
    std::sort(entries->begin(), entries->end(),
              [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
    for (const DirEntry& entry : *entries) {
      if (entry.kind == FileKind::directory && depth < max_depth) {
        CYR_CHECK(directory(top / entry.name, depth + 1, each));
      } else if (entry.kind == FileKind::regular || entry.kind == FileKind::symlink) {
        CYR_CHECK(each(top / entry.name));
      }
    }
    return success();
  }

  Store& store_;
  const std::function<Status(const DatabaseFile&)>& visit_;
};

}  // namespace

Status each_database(Store& store, DatabaseScope scope,
                     const std::function<Status(const DatabaseFile&)>& visit) {
  Walk walk(store, visit);
  if (scope == DatabaseScope::users) {
    return walk.users();
  }
  CYR_CHECK(walk.server());
  if (scope == DatabaseScope::server) {
    return success();
  }
  CYR_CHECK(walk.users());
  CYR_CHECK(walk.mailboxes());
  return walk.search();
}

Result<DatabaseFile> user_database(Store& store, std::string_view suffix, const fs::path& path) {
  const std::function<Status(const DatabaseFile&)> none;
  auto file = Walk(store, none).user_database(suffix);
  if (!file) {
    return make_error(Errc::invalid, "no database of users has the suffix " + std::string(suffix));
  }
  file->path = path;
  return std::move(*file);
}

fs::path path_for(const Store& store, const DatabaseFile& database, db::Kind kind) {
  if (database.role != "quotas") {
    return database.path;
  }
  return kind == db::Kind::quotalegacy ? store.paths().quota_directory() : store.paths().quotas_db();
}

namespace {

Result<fs::path> rename_to_old(Io& io, const fs::path& from) {
  for (int i = 0; i < max_old; ++i) {
    fs::path old = from;
    old += i == 0 ? std::string(".old") : ".old." + std::to_string(i);
    CYR_TRY(const bool taken, io.exists(old));
    if (!taken) {
      CYR_CHECK(io.rename(from, old));
      CYR_CHECK(io.sync_directory(from.parent_path()));
      return old;
    }
  }
  return make_error(Errc::exists, "has too many old versions kept beside it").at(from);
}

}  // namespace

Result<std::optional<fs::path>> set_aside(Io& io, const DatabaseFile& database, const fs::path& to) {
  if (database.path == to) {
    return std::optional<fs::path>();
  }
  std::vector<fs::path> parts = {database.path};
  if (database.kind == db::Kind::quotalegacy) {
    CYR_TRY(const auto layout, db::quotalegacy::layout_of(io, database.path, database.open));
    CYR_TRY(parts, db::quotalegacy::directories_of(io, layout));
  }
  std::optional<fs::path> first;
  for (const fs::path& part : parts) {
    CYR_TRY(const fs::path old, rename_to_old(io, part));
    first = first ? first : old;
  }
  return first;
}

}  // namespace cyr::store

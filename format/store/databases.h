// Every database of a configured store, from one table: what it is for, where it lies, and which backend
// imapd.conf asks for (format/doc/databases.md, cyrusdb.md 13).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/store/store.h"

namespace cyr::store {

struct DatabaseFile {
  std::string_view role;                // "mailboxes", "subscriptions" ...
  fs::path path;                        // of the quota tree: its directory
  std::optional<conf::Option> option;   // that asks for the backend; nothing: the backend is fixed
  std::string wanted;                   // the backend's name in imapd.conf
  std::optional<db::Kind> wanted_kind;  // nothing: a backend that this program does not know
  std::optional<db::Kind> kind;         // what the content says; nothing: empty, or nothing that is known
  bool empty = false;                   // 0 bytes: a new database of any backend
  db::OpenOptions open;                 // hashing, order of keys (improved_mboxlist_sort), nosync
  bool at_start = false;                // ctl_cyrusdb -r recovers and converts it
  bool in_backup = false;               // ctl_cyrusdb -c copies it
};

enum class DatabaseScope : std::uint8_t {
  users,       // those of each user only
  server,      // those of the whole server
  everything,  // and those of each user and mailbox, and of the search tiers
};

// Calls `visit` for every database that is there. An unreadable directory or mailbox list is an error; a file
// that cannot be read gets no `kind`.
Status each_database(Store& store, DatabaseScope scope,
                     const std::function<Status(const DatabaseFile&)>& visit);

// How a user's database with this suffix ("sub", "seen" ...) is to be at `path`, whether it is there or not.
// Errc::invalid for a suffix that is no database.
Result<DatabaseFile> user_database(Store& store, std::string_view suffix, const fs::path& path);

// The name of `path` that the backend `kind` wants for the quotas, given that of another: the tree is
// `quota`, a file what quota_db_path says or `quotas.db`. Other databases keep their name.
[[nodiscard]] fs::path path_for(const Store& store, const DatabaseFile& database, db::Kind kind);

// Renames what was converted to another name (a quota tree with those of its domains to a file, or the
// reverse) to "NAME.old", "NAME.old.1" ...: left in place, it would be taken for the present state one day.
// The new name, of a tree that of its first directory; nothing when both names are the same.
Result<std::optional<fs::path>> set_aside(Io& io, const DatabaseFile& database, const fs::path& to);

}  // namespace cyr::store

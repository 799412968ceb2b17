// The one face of every Cyrus database backend (cyrusdb.md 1). Keys and values are byte strings that may hold
// any byte.
//
// Adding a backend: format/db/<name>.cc with a class deriving from Database, one row in registry.cc, a page
// in format/doc.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "format/base/io.h"

namespace cyr::db {

class KeyOrder;  // order.h

enum class Kind : std::uint8_t {
  flat,
  skiplist,
  twoskip,
  quotalegacy,
  berkeley,
  berkeley_hash,
  twom,
  sql,
  zeroskip,
  lmdb
};

// How keys are ordered (cyrusdb.md 1.2). The order is not recorded in the file: a reader finds out which one
// the file has, a writer keeps it.
enum class Order : std::uint8_t {
  raw,          // unsigned bytes
  signed_char,  // skiplist's own: 0x80..0xFF before 0x00..0x7F
  mbox,         // improved_mboxlist_sort
  flat,         // flat always, and nothing else: mbox order of the escaped key
};

// Where the tables of the sql backend are; imapd.conf's sql_* options.
struct SqlOptions {
  std::string engine;  // sql_engine; empty: sqlite
  std::string
      database;       // sql_database: a SQLite file for all tables; empty: each database is a file of its own
  std::string table;  // empty: by the name of the database (cyrusdb.md 7)
};

struct OpenOptions {
  bool create = false;  // make an empty database (and missing parent directories) when there is none
  // Of the keys of a new database, and where the keys of an existing one allow more than one order; default:
  // the backend's own. Keys that are there already decide: a database never gets mixed orders.
  std::optional<Order> order = {};
  ::mode_t mode = 0600;  // of files that are made
  // quotalegacy only: the hash functions of paths (store.md 2.8).
  bool full_dir_hash = false;
  bool virtual_domains = false;
  SqlOptions sql = {};
  // Berkeley only. The directory of logs and cache, `<configdirectory>/db` in Cyrus; not set: found beside
  // the file when it knows the file; empty: none.
  std::optional<fs::path> environment = {};
  bool sync = true;  // false: a commit in an environment does not wait for the disk (the `-nosync` names)
  // In an environment: how long one call of the library may take before it is given up as stuck behind a
  // program that died.
  std::chrono::milliseconds patience = std::chrono::seconds(120);
};

enum class Visit : bool { stop, go_on };
using Visitor = std::function<Result<Visit>(std::string_view key, std::string_view value)>;

// Holds the database exclusively. Destroyed without commit(): nothing happened.
// An error in put(), erase() or commit() leaves only abort(). Must not outlive its Database. for_each() may
// change records as it goes.
class Transaction {
 public:
  Transaction() = default;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  virtual ~Transaction() = default;

  virtual Result<std::optional<std::string>> get(std::string_view key) = 0;
  virtual Status for_each(std::string_view prefix, const Visitor& visit) = 0;
  virtual Status put(std::string_view key, std::string_view value) = 0;  // insert or replace
  virtual Status erase(std::string_view key) = 0;                        // fine when absent
  virtual Status commit() = 0;                                           // once
  virtual Status abort() = 0;
};

// Keeps writers away while it lives: what is read meanwhile is one state. Must not outlive its Database.
class Hold {
 public:
  Hold() = default;
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  virtual ~Hold() = default;
};

// Not for several threads at once. While a transaction is open, reads through the Database see what the
// transaction sees. The visitor of for_each() may read the same Database, but its begin(), put() and erase()
// give Errc::locked. Reading never changes a file: what a writer that died left is looked through, and mended
// by the next transaction.
class Database {
 public:
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  virtual ~Database() = default;

  [[nodiscard]] virtual Kind kind() const = 0;
  // Single operations take and release the lock themselves.
  virtual Result<std::optional<std::string>> get(std::string_view key) = 0;
  // The record with the smallest key greater than `key` in the database's order; nothing after the last.
  virtual Result<std::optional<std::pair<std::string, std::string>>> next(std::string_view key) = 0;
  // Records whose key starts with `prefix`, in order, each once. The visitor may stop early. As in Cyrus
  // (cyrusdb.md 1.1) nobody is kept from writing while it works, so that what is changed behind the present
  // key meanwhile is seen or not; with hold() or in a transaction one state is visited.
  virtual Status for_each(std::string_view prefix, const Visitor& visit) = 0;
  // For those who need one state over several reads. Backends that are read from a copy need do nothing.
  virtual Result<std::unique_ptr<Hold>> hold();
  virtual Result<std::unique_ptr<Transaction>> begin() = 0;
  // The backend's own check of its invariants; success means that no record can be missing or out of order.
  virtual Status consistent() = 0;
  // Rewrites the file without dead records (checkpoint); no-op where the format has none.
  virtual Status repack() = 0;

  // The order that the keys are in.
  virtual Result<Order> order() = 0;
  // Whether for_each gives the keys ascending in `order`, each once. Reads no more values than it must.
  virtual Result<bool> sorted_by(const KeyOrder& order);

  // begin, put or erase, commit.
  Status put(std::string_view key, std::string_view value);
  Status erase(std::string_view key);
};

// Opens `path` as `kind`. Errc::not_found without `create` when it is absent; Errc::corrupt when it is of
// another kind.
Result<std::unique_ptr<Database>> open(Io& io, const fs::path& path, Kind kind,
                                       const OpenOptions& options = {});

// What the content says the file is (cyrusdb.md 10); nothing when it is none of them or empty. A directory is
// quotalegacy.
Result<std::optional<Kind>> detect(Io& io, const fs::path& path);

// The names that imapd.conf and the tools use; `-nosync` and other aliases map to the same kind.
[[nodiscard]] std::optional<Kind> kind_from_name(std::string_view name);
[[nodiscard]] bool name_syncs(std::string_view name);  // false for `-nosync`; see OpenOptions::sync
[[nodiscard]] std::string_view name_of(Kind kind);

}  // namespace cyr::db

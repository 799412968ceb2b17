// The sql backend's SQLite driver. SQLite does its own input and output: it knows its locks and its journal,
// and must share them with Cyrus. Only whether the file may be changed is the Io's decision.
#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <utility>

#include "format/base/file.h"
#include "format/db/sql.h"
#include "format/db/sql_driver.h"

namespace cyr::db::sql {

namespace {

constexpr int busy_timeout = 60'000;            // milliseconds
constexpr int most_kept = 1000;                 // names that are tried for the old table
constexpr std::size_t wal_version_offset = 18;  // of the file's header: 2 there means a write-ahead log

std::string quoted(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    out += c == '"' ? "\"\"" : std::string(1, c);
  }
  return out + '"';
}

Errc errc_of(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Errc::locked;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Errc::corrupt;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Errc::permission;
    case SQLITE_TOOBIG:
      return Errc::invalid;
    default:
      return Errc::io;
  }
}

// Cyrus pastes keys and values into its statements as text, and compares keys with text. So text is what it
// finds again; what it could not have written, bytes with a NUL, is a blob.
bool is_text(std::string_view bytes) { return bytes.find('\0') == std::string_view::npos; }

class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Statement& operator=(Statement&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(handle_); }

  [[nodiscard]] bool empty() const { return handle_ == nullptr; }
  int prepare(sqlite3* connection, const std::string& text) {
    return sqlite3_prepare_v2(connection, text.c_str(), static_cast<int>(text.size() + 1), &handle_, nullptr);
  }
  // Bytes stay the caller's until the next step.
  int bind(int index, std::string_view bytes, bool text) {
    const char* const data = bytes.empty() ? "" : bytes.data();
    return text ? sqlite3_bind_text64(handle_, index, data, bytes.size(), SQLITE_STATIC, SQLITE_UTF8)
                : sqlite3_bind_blob64(handle_, index, data, bytes.size(), SQLITE_STATIC);
  }
  int step() { return sqlite3_step(handle_); }
  void reset() {
    sqlite3_reset(handle_);
    sqlite3_clear_bindings(handle_);
  }
  // Until the next step.
  [[nodiscard]] std::string_view column(int index) const {
    const void* const data = sqlite3_column_blob(handle_, index);
    const int size = sqlite3_column_bytes(handle_, index);
    return data == nullptr ? std::string_view()
                           : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size));
  }
  [[nodiscard]] std::int64_t number(int index) const { return sqlite3_column_int64(handle_, index); }

 private:
  sqlite3_stmt* handle_ = nullptr;
};

class SqliteConnection final : public Connection {
 public:
  explicit SqliteConnection(fs::path file) : file_(std::move(file)) {}
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;
  ~SqliteConnection() override {
    store_ = Statement();  // before the connection that it belongs to
    append_ = Statement();
    sqlite3_close_v2(connection_);
  }

  Status open(const std::string& uri, int flags) {
    CYR_CHECK(check(
        sqlite3_open_v2(uri.c_str(), &connection_, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr)));
    sqlite3_extended_result_codes(connection_, 1);
    sqlite3_busy_timeout(connection_, busy_timeout);
    // Against files made to run code or waste memory: the schema is not trusted, and no value is larger than
    // a file is.
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
    return run("PRAGMA cell_size_check=1");
  }

  void use(std::string table) {
    table_ = std::move(table);
    name_ = quoted(table_);
  }
  Result<bool> has_table(std::string_view table) {
    CYR_TRY(Statement statement, prepare("SELECT 1 FROM sqlite_master WHERE type='table' AND name=?1"));
    CYR_CHECK(check(statement.bind(1, table, true)));
    const int code = statement.step();
    return code == SQLITE_ROW || code == SQLITE_DONE ? Result<bool>(code == SQLITE_ROW)
                                                     : Result<bool>(check(code).error());
  }
  // The one table of a file that has no other.
  Result<std::optional<std::string>> only_table() {
    CYR_TRY(
        Statement statement,
        prepare(
            "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"));
    if (statement.step() != SQLITE_ROW) {
      return std::optional<std::string>();
    }
    std::string name(statement.column(0));
    return statement.step() == SQLITE_DONE ? std::optional(std::move(name)) : std::nullopt;
  }
  Status create_table() {
    return run("CREATE TABLE IF NOT EXISTS " + name_ + " (dbkey BLOB NOT NULL, data BLOB)");
  }

  Status begin() override { return run("BEGIN IMMEDIATE"); }
  Status commit() override { return run("COMMIT"); }
  Status rollback() override { return run("ROLLBACK"); }

  Result<std::optional<std::string>> find(std::string_view key) override {
    CYR_TRY(Statement statement,
            prepare("SELECT data FROM " + name_ + " WHERE dbkey=?1 OR dbkey=?2 ORDER BY rowid DESC LIMIT 1"));
    CYR_CHECK(bind_key(statement, key));
    const int code = statement.step();
    if (code == SQLITE_ROW) {
      return std::optional(std::string(statement.column(0)));
    }
    CYR_CHECK(check(code));
    return std::optional<std::string>();
  }

  Status scan(const RowRange& range, const RowVisitor& visit) override {
    // As blobs, since SQLite sorts all texts before all blobs.
    CYR_TRY(Statement statement,
            prepare(fmt::format("SELECT CAST(dbkey AS BLOB), data FROM {} WHERE CAST(dbkey AS BLOB) {} ?1 "
                                "ORDER BY 1, rowid",
                                name_, range.inclusive ? ">=" : ">")));
    const std::string_view from =
        range.from.empty() && range.inclusive ? std::string_view(range.prefix) : range.from;
    CYR_CHECK(check(statement.bind(1, from, false)));
    std::optional<std::pair<std::string, std::string>>
        waiting;  // until it is known that no later row has its key
    int code = SQLITE_DONE;
    while ((code = statement.step()) == SQLITE_ROW) {
      const std::string_view key = statement.column(0);
      if (!key.starts_with(range.prefix)) {
        code = SQLITE_DONE;
        break;
      }
      if (waiting && waiting->first != key) {
        CYR_TRY(const Visit go, visit(waiting->first, waiting->second));
        if (go == Visit::stop) {
          return success();
        }
      }
      waiting.emplace(std::string(key), std::string(statement.column(1)));
    }
    CYR_CHECK(check(code));
    if (waiting) {
      CYR_TRY(const Visit go, visit(waiting->first, waiting->second));
      (void)go;
    }
    return success();
  }

  Result<std::uint64_t> count() override {
    CYR_TRY(Statement statement, prepare("SELECT count(*) FROM " + name_));
    CYR_CHECK(check(statement.step()));
    return static_cast<std::uint64_t>(statement.number(0));
  }

  Status store(std::string_view key, std::string_view value) override {
    CYR_CHECK(ready(store_, "UPDATE " + name_ + " SET data=?3 WHERE dbkey=?1 OR dbkey=?2"));
    CYR_CHECK(bind_key(store_, key));
    CYR_CHECK(check(store_.bind(3, value, is_text(value))));
    CYR_CHECK(finish(store_));
    return sqlite3_changes(connection_) > 0 ? success() : append(key, value);
  }

  Status append(std::string_view key, std::string_view value) override {
    CYR_CHECK(ready(append_, "INSERT INTO " + name_ + " (dbkey, data) VALUES (?1, ?2)"));
    CYR_CHECK(check(append_.bind(1, key, is_text(key))));
    CYR_CHECK(check(append_.bind(2, value, is_text(value))));
    return finish(append_);
  }

  Status erase(std::string_view key) override {
    CYR_TRY(Statement statement, prepare("DELETE FROM " + name_ + " WHERE dbkey=?1 OR dbkey=?2"));
    CYR_CHECK(bind_key(statement, key));
    return check(statement.step());
  }

  Result<std::string> set_aside(bool keep) override {
    if (!keep) {
      CYR_CHECK(run("DELETE FROM " + name_));
      return std::string();
    }
    for (int i = 0; i < most_kept; ++i) {
      std::string other = table_ + (i == 0 ? "_old" : fmt::format("_old_{}", i));
      CYR_TRY(const bool taken, has_table(other));
      if (!taken) {
        CYR_CHECK(run("ALTER TABLE " + name_ + " RENAME TO " + quoted(other)));
        CYR_CHECK(create_table());
        return other;
      }
    }
    return make_error(Errc::exists, "has too many old tables").at(file_);
  }

  Status check() override {
    CYR_TRY(Statement whole, prepare("PRAGMA integrity_check(1)"));
    CYR_CHECK(check(whole.step()));
    if (whole.column(0) != "ok") {
      return corrupt(std::string(whole.column(0).substr(0, 200))).at(file_);
    }
    CYR_TRY(Statement twice, prepare("SELECT count(*) FROM (SELECT 1 FROM " + name_ +
                                     " GROUP BY CAST(dbkey AS BLOB) HAVING count(*) > 1)"));
    CYR_CHECK(check(twice.step()));
    if (twice.number(0) > 0) {
      return corrupt(fmt::format("{} keys have more than one row in table {}", twice.number(0), table_))
          .at(file_)
          .with_hint("the latest row counts; storing a key again makes its rows the same");
    }
    return success();
  }

 private:
  // SQLITE_ROW and SQLITE_DONE are no errors.
  [[nodiscard]] Status check(int code) const {
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) {
      return success();
    }
    const char* const text = connection_ != nullptr ? sqlite3_errmsg(connection_) : sqlite3_errstr(code);
    Error error = make_error(errc_of(code), fmt::format("SQLite: {}", text)).at(file_);
    if (code == SQLITE_READONLY_ROLLBACK) {
      error.hint =
          "a writer died and left a journal; the next program that opens the file for writing rolls it back";
    }
    return error;
  }
  Result<Statement> prepare(const std::string& text) const {
    Statement statement;
    CYR_CHECK(check(statement.prepare(connection_, text)));
    return statement;
  }
  // A statement that is kept, for the many rows of a conversion.
  Status ready(Statement& kept, const std::string& text) {
    if (kept.empty()) {
      CYR_TRY(kept, prepare(text));
    }
    return success();
  }
  [[nodiscard]] Status finish(Statement& kept) const {
    Status done = check(kept.step());
    kept.reset();
    return done;
  }
  Status run(const std::string& text) const {
    CYR_TRY(Statement statement, prepare(text));
    return check(statement.step());
  }
  // A key is found whether it was stored as text or as a blob.
  Status bind_key(Statement& statement, std::string_view key) const {
    CYR_CHECK(check(statement.bind(1, key, true)));
    return check(statement.bind(2, key, false));
  }

  fs::path file_;
  sqlite3* connection_ = nullptr;
  std::string table_;
  std::string name_;  // quoted
  Statement store_;
  Statement append_;
};

std::string uri_of(const fs::path& file, std::string_view parameters) {
  const std::string path = file.string();
  std::string out =
      path.starts_with("//") ? "file://" : "file:";  // else what follows would be taken for a host
  for (const char c : path) {
    constexpr std::string_view special = "%?#";
    out += special.find(c) == std::string_view::npos ? std::string(1, c)
                                                     : fmt::format("%{:02x}", static_cast<unsigned char>(c));
  }
  return out.append(parameters);
}

// Reading a database with a write-ahead log makes files beside it, unless it is said to be immutable; that it
// is when its log is empty and nobody writes.
Result<std::string> reading_parameters(Io& io, const fs::path& file) {
  CYR_TRY(const File content, File::open(io, file));
  std::array<std::byte, wal_version_offset + 1> head{};
  CYR_TRY(const std::size_t have, content.read(head, 0));
  if (have < head.size() || head[wal_version_offset] != std::byte{2}) {
    return std::string("?mode=ro");
  }
  fs::path log = file;
  log += "-wal";
  const auto info = io.stat(log);
  if (info && info->size > 0) {
    return make_error(Errc::unsupported, "has a write-ahead log that is not in the file yet")
        .at(file)
        .with_hint(
            "it cannot be read without changing anything; copy the file and its -wal, or allow writing");
  }
  return std::string("?mode=ro&immutable=1");
}

}  // namespace

Result<std::unique_ptr<Connection>> connect_sqlite(Io& io, const fs::path& path, const OpenOptions& options) {
  const fs::path file = options.sql.database.empty() ? path : fs::path(options.sql.database);
  CYR_TRY(const bool there, io.exists(file));
  const bool create = options.create && !io.read_only();
  if (!there && !create) {
    return make_error(Errc::not_found, "No such file or directory").at(file);
  }
  if (!there) {
    CYR_CHECK(io.make_directories(file.parent_path(), 0755));
    CYR_TRY(const File made, File::open(io, file, {.write = true, .create = true}, options.mode));
  }
  auto connection = std::make_unique<SqliteConnection>(file);
  if (io.read_only()) {
    CYR_TRY(const std::string parameters, reading_parameters(io, file));
    CYR_CHECK(connection->open(uri_of(file, parameters), SQLITE_OPEN_READONLY));
  } else {
    CYR_CHECK(connection->open(uri_of(file, ""), SQLITE_OPEN_READWRITE));
  }
  const std::string table = options.sql.table.empty() ? table_name(path) : options.sql.table;
  connection->use(table);
  CYR_TRY(const bool has, connection->has_table(table));
  if (has) {
    return std::unique_ptr<Connection>(std::move(connection));
  }
  if (create) {
    CYR_CHECK(connection->create_table());
    return std::unique_ptr<Connection>(std::move(connection));
  }
  // A copy, or a file that was renamed, has the table of its old name.
  CYR_TRY(const auto only, options.sql.database.empty() ? connection->only_table()
                                                        : Result<std::optional<std::string>>(std::nullopt));
  if (!only) {
    return make_error(Errc::not_found, fmt::format("has no table {}", table)).at(file);
  }
  connection->use(*only);
  return std::unique_ptr<Connection>(std::move(connection));
}

}  // namespace cyr::db::sql

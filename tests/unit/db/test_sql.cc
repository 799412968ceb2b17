// The sql backend against tables that Cyrus 3.6.1 wrote (tests/data/other-databases.md).
#include <sqlite3.h>

#include <boost/filesystem/operations.hpp>

#include "format/db/convert.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"
#include "tests/support/tree.h"
#include "tests/unit/db/database_files.h"

namespace cyr {
namespace {

// A copy of its own for every test.
class SqlFiles {
 public:
  SqlFiles() { test::unpack_archive(test::data_file("sql.tar.zst"), directory_.path()); }
  fs::path operator/(const char* name) const { return directory_ / "sql" / name; }

 private:
  test::TempDir directory_;
};

std::unique_ptr<db::Database> open_sql(const fs::path& path, const db::OpenOptions& options = {},
                                       Io& io = posix_io()) {
  auto database = db::open(io, path, db::Kind::sql, options);
  REQUIRE_OK(database);
  return std::move(*database);
}

db::OpenOptions shared(const fs::path& file) {
  db::OpenOptions options;
  options.sql.database = file.string();
  return options;
}

// What sqlite3 itself says, one row a line, columns separated by '|'.
std::string query(const fs::path& file, const std::string& text) {
  sqlite3* connection = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &connection) == SQLITE_OK);
  std::string out;
  const auto row = [](void* into, int count, char** values, char** /*names*/) {
    for (int i = 0; i < count; ++i) {
      static_cast<std::string*>(into)
          ->append(i == 0 ? "" : "|")
          .append(values[i] == nullptr ? "NULL" : values[i]);
    }
    static_cast<std::string*>(into)->append("\n");
    return 0;
  };
  char* error = nullptr;
  INFO(text);
  REQUIRE(sqlite3_exec(connection, text.c_str(), row, &out, &error) == SQLITE_OK);
  sqlite3_close(connection);
  return out;
}

}  // namespace

TEST_CASE("tables of Cyrus 3.6.1 read as it lists them", "[db][golden][sql]") {
  const SqlFiles files;
  for (Io* io : {&posix_io(), &read_only_io()}) {
    const fs::path own = files / "own.db";
    CHECK(db::detect(*io, own).value() == db::Kind::sql);
    const std::string before = test::read_text(own);
    // The file has another name than its table (mailboxes_db).
    const auto database = open_sql(own, {}, *io);
    CHECK(test::show(*database) == test::read_text(files / "own.show"));
    CHECK(database->get("user.bovik").value() == "second value");
    CHECK(!database->get("user.zap").value());
    CHECK(database->next("empty").value()->first == "shared x");
    CHECK(test::records_of(*database, "user.a").size() == 2);  // no wildcards in prefixes
    REQUIRE_OK(database->consistent());
    CHECK(test::read_text(own) == before);
    for (const std::string table : {"mailboxes", "annotations"}) {
      const auto one = open_sql(files / (table + ".db").c_str(), shared(files / "shared.sqlite"), *io);
      CHECK(test::show(*one) == test::read_text(files / ("shared." + table + ".show").c_str()));
    }
  }
  CHECK(db::open(posix_io(), files / "deliver.db", db::Kind::sql, shared(files / "shared.sqlite"))
            .error()
            .code == Errc::not_found);
}

TEST_CASE("of two rows of a key the latest counts, and check tells", "[db][golden][sql]") {
  const SqlFiles files;
  const auto database = open_sql(files / "twice.db");
  CHECK(database->get("user.bovik").value() == "third, of a race");
  CHECK(test::records_of(*database, "user.bovik") == test::Records{{"user.bovik", "third, of a race"}});
  CHECK(!database->consistent());
  REQUIRE_OK(database->put("user.bovik", "fourth"));
  CHECK(database->get("user.bovik").value() == "fourth");
  REQUIRE_OK(database->erase("user.bovik"));
  REQUIRE_OK(database->consistent());
  CHECK(!database->get("user.bovik").value());
}

TEST_CASE("tables are made as Cyrus makes them, keys and values as it finds them", "[db][sql]") {
  const SqlFiles files;
  const fs::path path = files / "user.seen.db";
  db::OpenOptions options;
  options.create = true;
  {
    const auto database = open_sql(path, options);
    REQUIRE_OK(database->put("it's", "quoted \"too\""));
    REQUIRE_OK(database->put("8-bit \xff", "\xfe"));
    REQUIRE_OK(database->put(std::string("a\0b", 3), std::string("\0", 1)));
    CHECK(!database->put("", "x"));
    CHECK(test::records_of(*database).front().first == "8-bit \xff");
  }
  CHECK(query(path, "SELECT sql FROM sqlite_master") ==
        "CREATE TABLE \"user.seen_db\" (dbkey BLOB NOT NULL, data BLOB)\n");
  CHECK(query(path, "SELECT typeof(dbkey), typeof(data) FROM \"user.seen_db\" ORDER BY rowid") ==
        "text|text\ntext|text\nblob|blob\n");
}

TEST_CASE("databases convert to sql and back", "[db][sql]") {
  const SqlFiles files;
  test::Records records;
  {
    const auto source = db::open(posix_io(), files / "source.db", db::Kind::flat, {.create = true});
    REQUIRE_OK(source);
    const auto transaction = (*source)->begin();
    REQUIRE_OK(transaction);
    for (int i = 0; i < 300; ++i) {
      records.emplace_back("user." + std::string(1, static_cast<char>(i % 200 + 1)) + std::to_string(i),
                           std::to_string(i));
      REQUIRE_OK((*transaction)->put(records.back().first, records.back().second));
    }
    REQUIRE_OK((*transaction)->commit());
  }
  std::sort(records.begin(), records.end());
  // A file of its own, over one that is there.
  test::write_text(files / "mailboxes.db", test::read_text(files / "own.db"));
  const auto done =
      db::convert(posix_io(), files / "source.db", db::Kind::flat, files / "mailboxes.db", db::Kind::sql);
  REQUIRE_OK(done);
  CHECK(done->records == 300);
  CHECK(done->kept == files / "mailboxes.db.old");
  CHECK(test::records_of(*open_sql(files / "mailboxes.db")) == records);
  CHECK(test::show(*open_sql(files / "mailboxes.db.old")) == test::read_text(files / "own.show"));
  CHECK(query(files / "mailboxes.db", "SELECT name FROM sqlite_master") == "mailboxes_db\n");
  // A table of a shared database; the other one stays.
  db::ConvertOptions how;
  how.open = shared(files / "shared.sqlite");
  const auto table = db::convert(posix_io(), files / "source.db", db::Kind::flat, files / "annotations.db",
                                 db::Kind::sql, how);
  REQUIRE_OK(table);
  CHECK(table->kept == fs::path("annotations_db_old"));
  CHECK(test::records_of(*open_sql(files / "annotations.db", how.open)) == records);
  CHECK(test::show(*open_sql(files / "mailboxes.db", how.open)) ==
        test::read_text(files / "shared.mailboxes.show"));
  how.replace = false;
  CHECK(db::convert(posix_io(), files / "source.db", db::Kind::flat, files / "annotations.db", db::Kind::sql,
                    how)
            .error()
            .code == Errc::exists);
  // And back.
  for (const db::Kind kind : {db::Kind::twoskip, db::Kind::twom, db::Kind::skiplist, db::Kind::flat}) {
    INFO(db::name_of(kind));
    const fs::path target = files / "back.db";
    db::ConvertOptions from_table;
    from_table.open = shared(files / "shared.sqlite");
    REQUIRE_OK(db::convert(posix_io(), files / "annotations.db", db::Kind::sql, target, kind, from_table));
    auto back = test::records_of(**db::open(posix_io(), target, kind));
    std::sort(back.begin(), back.end());
    CHECK(back == records);
  }
}

TEST_CASE("other engines, write-ahead logs and damaged files are told so", "[db][sql]") {
  const SqlFiles files;
  db::OpenOptions options;
  options.sql.engine = "mysql";
  CHECK(db::open(posix_io(), files / "own.db", db::Kind::sql, options).error().code == Errc::unsupported);
  (void)query(files / "own.db", "PRAGMA journal_mode=WAL");
  {
    // Reading makes nothing beside the file.
    const auto database = open_sql(files / "own.db", {}, read_only_io());
    CHECK(test::show(*database) == test::read_text(files / "own.show"));
    CHECK(!fs::exists(files / "own.db-wal"));
    CHECK(!fs::exists(files / "own.db-shm"));
    CHECK(database->begin().error().code == Errc::permission);
  }
  fs::resize_file(files / "twice.db", 5000);
  const auto cut = db::open(posix_io(), files / "twice.db", db::Kind::sql);
  CHECK((!cut || !(*cut)->consistent()));
}

}  // namespace cyr

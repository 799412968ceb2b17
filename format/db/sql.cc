#include "format/db/sql.h"

#include <fmt/format.h>

#include "format/base/log.h"
#include "format/db/sql_driver.h"

namespace cyr::db::sql {

namespace {

class SqlDatabase final : public Database {
 public:
  SqlDatabase(Io& io, fs::path path, std::unique_ptr<Connection> connection)
      : io_(io), path_(std::move(path)), connection_(std::move(connection)) {}

  [[nodiscard]] Kind kind() const override { return Kind::sql; }
  Result<std::optional<std::string>> get(std::string_view key) override { return connection_->find(key); }
  Result<std::optional<std::pair<std::string, std::string>>> next(std::string_view key) override {
    std::optional<std::pair<std::string, std::string>> out;
    const Reading reading(*this);
    CYR_CHECK(connection_->scan({std::string(key), false, {}},
                                [&](std::string_view found, std::string_view value) -> Result<Visit> {
                                  out.emplace(found, value);
                                  return Visit::stop;
                                }));
    return out;
  }
  Status for_each(std::string_view prefix, const Visitor& visit) override {
    const Reading reading(*this);
    return connection_->scan({{}, true, std::string(prefix)}, visit);
  }
  Result<std::unique_ptr<Transaction>> begin() override;
  Status consistent() override { return connection_->check(); }
  Status repack() override { return success(); }  // the engine's own business
  Result<Order> order() override { return Order::raw; }

 private:
  class SqlTransaction;
  class Reading {
   public:
    explicit Reading(SqlDatabase& database) : database_(database) { ++database_.readers_; }
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;
    ~Reading() { --database_.readers_; }

   private:
    SqlDatabase& database_;
  };

  Io& io_;
  fs::path path_;
  std::unique_ptr<Connection> connection_;
  int readers_ = 0;
  bool in_transaction_ = false;
};

class SqlDatabase::SqlTransaction final : public Transaction {
 public:
  explicit SqlTransaction(SqlDatabase& database) : database_(database) { database_.in_transaction_ = true; }
  SqlTransaction(const SqlTransaction&) = delete;
  SqlTransaction& operator=(const SqlTransaction&) = delete;
  ~SqlTransaction() override {
    if (const Status done = abort(); !done) {
      log(LogLevel::error, "{}", done.error().text());
    }
  }

  Result<std::optional<std::string>> get(std::string_view key) override {
    CYR_CHECK(usable());
    return table().find(key);
  }
  // What was changed since the start is looked up again, so that the visitor sees its own changes; keys that
  // it adds are not visited.
  Status for_each(std::string_view prefix, const Visitor& visit) override {
    CYR_CHECK(usable());
    const auto start = changes_;
    return table().scan({{}, true, std::string(prefix)},
                        [&](std::string_view key, std::string_view value) -> Result<Visit> {
                          if (changes_ == start) {
                            return visit(key, value);
                          }
                          const std::string name(key);
                          CYR_TRY(const auto now, table().find(name));
                          return now ? visit(name, *now) : Visit::go_on;
                        });
  }
  Status put(std::string_view key, std::string_view value) override {
    if (key.empty()) {
      return make_error(Errc::invalid, "sql cannot hold an empty key");
    }
    return change([&] { return table().store(key, value); });
  }
  Status erase(std::string_view key) override {
    return change([&] { return table().erase(key); });
  }
  Status commit() override {
    CYR_CHECK(usable());
    Status done = table().commit();
    if (!done) {
      (void)table().rollback();
    }
    finish();
    return done;
  }
  Status abort() override {
    if (over_) {
      return success();
    }
    Status done = table().rollback();
    finish();
    return done;
  }

 private:
  [[nodiscard]] Connection& table() { return *database_.connection_; }
  [[nodiscard]] Status usable() const {
    if (over_ || broken_) {
      return make_error(Errc::invalid,
                        over_ ? "transaction is over" : "an earlier step of this transaction failed")
          .at(database_.path_);
    }
    return success();
  }
  template <class Step>
  Status change(const Step& step) {
    CYR_CHECK(usable());
    Status done = step();
    ++changes_;
    broken_ = !done;
    return done;
  }
  void finish() {
    over_ = true;
    database_.in_transaction_ = false;
  }

  SqlDatabase& database_;
  std::uint64_t changes_ = 0;
  bool broken_ = false;
  bool over_ = false;
};

Result<std::unique_ptr<Transaction>> SqlDatabase::begin() {
  if (io_.read_only()) {
    return make_error(Errc::permission, "not changed: this is a dry run").at(path_);
  }
  if (in_transaction_ || readers_ > 0) {
    return make_error(Errc::locked,
                      in_transaction_ ? "a transaction is open already" : "is being read by the same program")
        .at(path_);
  }
  CYR_CHECK(connection_->begin());
  return std::unique_ptr<Transaction>(std::make_unique<SqlTransaction>(*this));
}

}  // namespace

std::string table_name(const fs::path& path) {
  std::string name = path.filename().string();
  if (const auto dot = name.rfind('.'); dot != std::string::npos) {
    name[dot] = '_';
  }
  return name;
}

Result<std::unique_ptr<Connection>> connect(Io& io, const fs::path& path, const OpenOptions& options) {
  if (options.sql.engine.empty() || options.sql.engine == "sqlite") {
    return connect_sqlite(io, path, options);
  }
  return make_error(Errc::unsupported, fmt::format("sql_engine {} is not built in", options.sql.engine))
      .at(path)
      .with_hint(
          "this program has a driver for sqlite only; convert the database with the server's cvt_cyrusdb "
          "first");
}

Result<std::unique_ptr<Database>> open_table(Io& io, const fs::path& path, const OpenOptions& options) {
  CYR_TRY(auto connection, connect(io, path, options));
  return std::unique_ptr<Database>(std::make_unique<SqlDatabase>(io, path, std::move(connection)));
}

struct TableWriter::State {
  std::unique_ptr<Connection> connection;
  bool open = true;
};

TableWriter::TableWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
TableWriter::TableWriter(TableWriter&&) noexcept = default;
TableWriter::~TableWriter() {
  if (state_ && state_->open) {
    (void)state_->connection->rollback();
  }
}

Result<TableWriter> TableWriter::begin(Io& io, const fs::path& path, const OpenOptions& options,
                                       bool keep_old) {
  auto state = std::make_unique<State>();
  CYR_TRY(state->connection, connect(io, path, options));
  CYR_CHECK(state->connection->begin());
  TableWriter writer(std::move(state));
  CYR_TRY(const std::uint64_t rows, writer.state_->connection->count());
  writer.replaces_ = rows > 0;
  if (writer.replaces_) {
    CYR_TRY(writer.kept_, writer.state_->connection->set_aside(keep_old));
  }
  return writer;
}

Status TableWriter::add(std::string_view key, std::string_view value) {
  if (key.empty()) {
    return make_error(Errc::invalid, "sql cannot hold an empty key");
  }
  return state_->connection->append(key, value);
}

Status TableWriter::commit() {
  CYR_CHECK(state_->connection->commit());
  state_->open = false;
  return success();
}

}  // namespace cyr::db::sql

// A database file in an environment: read from a settled copy, changed by the library where it is.
#include <db.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/filesystem/operations.hpp>
#include <cstdlib>

#include "format/base/file.h"
#include "format/base/log.h"
#include "format/db/berkeley.h"
#include "format/db/berkeley_library.h"
#include "format/db/berkeley_settle.h"
#include "format/db/file_database.h"

namespace cyr::db::berkeley {

namespace {

constexpr db_timeout_t lock_patience = 60 * 1000 * 1000;  // microseconds
constexpr u_int32_t subsystems = DB_INIT_LOCK | DB_INIT_LOG | DB_INIT_MPOOL | DB_INIT_TXN;

DBT thang(std::string_view text) {
  DBT out{};
  out.data = const_cast<char*>(text.data());  // NOLINT: the library does not write to what it is given
  out.size = static_cast<u_int32_t>(text.size());
  return out;
}

std::string_view text_of(const DBT& thang) { return {static_cast<const char*>(thang.data), thang.size}; }

// A result of the library: it makes the memory larger as needed.
class Taken {
 public:
  Taken() { thang_.flags = DB_DBT_REALLOC; }
  explicit Taken(std::string_view start) : Taken() {
    thang_.data = std::malloc(start.size() + 1);  // NOLINT: the library calls realloc
    thang_.size = static_cast<u_int32_t>(start.size());
    if (thang_.data != nullptr && !start.empty()) {
      std::memcpy(thang_.data, start.data(), start.size());
    }
  }
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;
  ~Taken() { std::free(thang_.data); }  // NOLINT
  DBT* get() { return &thang_; }
  [[nodiscard]] std::string_view text() const { return text_of(thang_); }

 private:
  DBT thang_{};
};

int compare_mbox(DB* /*db*/, const DBT* a, const DBT* b) {
  static const KeyOrder order(Order::mbox);
  return order.compare(text_of(*a), text_of(*b));
}

// The environment and the database in it, opened by the library.
class Handles {
 public:
  Status open(const fs::path& environment, const fs::path& file, Kind kind, Order order, bool create,
              ::mode_t mode) {
    DB_ENV* env = nullptr;
    CYR_CHECK(library_status(::db_env_create(&env, 0), "start", environment));
    env_.reset(env);
    silence(env);
    CYR_CHECK(library_status(env->set_lk_detect(env, DB_LOCK_DEFAULT), "set up", environment));
    CYR_CHECK(
        library_status(env->set_timeout(env, lock_patience, DB_SET_LOCK_TIMEOUT), "set up", environment));
    CYR_CHECK(
        library_status(env->open(env, environment.c_str(), subsystems | DB_CREATE, static_cast<int>(mode)),
                       "open the environment", environment));
    DB* db = nullptr;
    CYR_CHECK(library_status(::db_create(&db, env, 0), "start", file));
    db_.reset(db);
    if (order == Order::mbox && kind == Kind::berkeley) {
      CYR_CHECK(library_status(db->set_bt_compare(db, compare_mbox), "set the order", file));
    }
    const u_int32_t flags = DB_AUTO_COMMIT | (create ? DB_CREATE : 0U);
    return library_status(
        db->open(db, nullptr, file.c_str(), nullptr, kind == Kind::berkeley ? DB_BTREE : DB_HASH, flags,
                 static_cast<int>(mode)),
        "open", file);
  }
  void close() {  // the database first; its pages are written out
    db_.reset();
    env_.reset();
  }
  [[nodiscard]] DB_ENV* env() const { return env_.get(); }
  [[nodiscard]] DB* db() const { return db_.get(); }

 private:
  std::unique_ptr<DB_ENV, CloseHandle<DB_ENV>> env_;
  std::unique_ptr<DB, CloseHandle<DB>> db_;  // after env_: goes first
};

using Found = std::optional<std::pair<std::string, std::string>>;

class EnvironmentTransaction;

class EnvironmentDatabase final : public Database {
 public:
  EnvironmentDatabase(Io& io, fs::path path, Kind kind, const OpenOptions& options, fs::path environment)
      : io_(io),
        path_(std::move(path)),
        kind_(kind),
        options_(options),
        environment_(std::move(environment)) {}

  Status open();

  [[nodiscard]] Kind kind() const override { return kind_; }
  Result<std::optional<std::string>> get(std::string_view key) override;
  Result<Found> next(std::string_view key) override;
  Status for_each(std::string_view prefix, const Visitor& visit) override;
  Result<std::unique_ptr<Transaction>> begin() override;
  Status consistent() override;
  // A checkpoint: everything that the cache holds goes to the database files.
  Status repack() override;
  Result<Order> order() override;

 private:
  friend class EnvironmentTransaction;
  Result<std::unique_ptr<EnvironmentTransaction>> begin_here();
  Status create();
  // A settled copy of what is there now, unless the one we have is.
  Status refresh();
  // Size and time of the file and of everything in the environment.
  Result<std::vector<FileInfo>> present_state() const;
  // Errors of the copy tell of the file.
  template <class T>
  T renamed(T result) const {
    if (!result) {
      result.error().path = path_;
    }
    return result;
  }

  Io& io_;
  fs::path path_;
  Kind kind_;
  OpenOptions options_;
  fs::path environment_;
  Settled settled_;
  std::vector<FileInfo> state_;     // that settled_ is a copy of
  std::unique_ptr<Database> copy_;  // after settled_: goes first
  int readers_ = 0;                 // nested reads of one visitor
  EnvironmentTransaction* active_ = nullptr;
};

class EnvironmentTransaction final : public Transaction {
 public:
  EnvironmentTransaction(EnvironmentDatabase& database, File lock, Order order)
      : database_(database), lock_(std::move(lock)), order_(order) {
    database_.active_ = this;
  }
  EnvironmentTransaction(const EnvironmentTransaction&) = delete;
  EnvironmentTransaction& operator=(const EnvironmentTransaction&) = delete;
  ~EnvironmentTransaction() override {
    if (const Status done = abort(); !done) {
      log(LogLevel::error, "{}", done.error().text());
    }
  }
  Status start();

  Result<std::optional<std::string>> get(std::string_view key) override;
  Result<Found> next(std::string_view key);
  Status for_each(std::string_view prefix, const Visitor& visit) override;
  Status put(std::string_view key, std::string_view value) override;
  Status erase(std::string_view key) override;
  Status commit() override;
  Status abort() override;
  Status checkpoint();

 private:
  [[nodiscard]] Status usable() const;
  [[nodiscard]] bool sorted() const { return database_.kind_ == Kind::berkeley; }
  Status visit_sorted(std::string_view prefix, const Visitor& visit);
  Status visit_hashed(std::string_view prefix, const Visitor& visit);
  // Every record from the first key not less than `from` on; in a hash all of them, in its own order.
  Status walk(std::string_view from, const Visitor& visit);
  // 0 is success; after anything else but `absent` the transaction can only be aborted.
  Status step(int code, const char* what, int absent = 0);
  Status finish(Status done);

  EnvironmentDatabase& database_;
  File lock_;
  KeyOrder order_;
  Handles handles_;
  DB_TXN* txn_ = nullptr;
  bool over_ = false;
  bool broken_ = false;
};

// ---- the transaction ----

Status EnvironmentTransaction::start() {
  CYR_CHECK(handles_.open(database_.environment_, database_.path_, database_.kind_, order_.order(), false,
                          database_.options_.mode));
  return library_status(handles_.env()->txn_begin(handles_.env(), nullptr, &txn_, 0), "begin",
                        database_.path_);
}

Status EnvironmentTransaction::usable() const {
  if (over_ || broken_) {
    return make_error(Errc::invalid,
                      over_ ? "transaction is over" : "an earlier step of this transaction failed")
        .at(database_.path_);
  }
  return success();
}

Status EnvironmentTransaction::step(int code, const char* what, int absent) {
  if (code == 0 || code == absent) {
    return success();
  }
  broken_ = true;
  return library_error(code, what, database_.path_);
}

Result<std::optional<std::string>> EnvironmentTransaction::get(std::string_view key) {
  CYR_CHECK(usable());
  DBT wanted = thang(key);
  Taken value;
  const int code = handles_.db()->get(handles_.db(), txn_, &wanted, value.get(), 0);
  CYR_CHECK(step(code, "get", DB_NOTFOUND));
  return code == 0 ? std::optional(std::string(value.text())) : std::nullopt;
}

Status EnvironmentTransaction::walk(std::string_view from, const Visitor& visit) {
  DBC* raw = nullptr;
  CYR_CHECK(step(handles_.db()->cursor(handles_.db(), txn_, &raw, 0), "read"));
  const auto close = [](DBC* cursor) { (void)cursor->close(cursor); };
  const std::unique_ptr<DBC, decltype(close)> cursor(raw, close);
  Taken key(from);
  Taken value;
  int code = raw->get(raw, key.get(), value.get(), sorted() && !from.empty() ? DB_SET_RANGE : DB_FIRST);
  while (code == 0) {
    CYR_TRY(const Visit go, visit(std::string(key.text()), std::string(value.text())));
    if (go == Visit::stop) {
      return success();
    }
    code = raw->get(raw, key.get(), value.get(), DB_NEXT);
  }
  return step(code, "read", DB_NOTFOUND);
}

Status EnvironmentTransaction::visit_sorted(std::string_view prefix, const Visitor& visit) {
  return walk(prefix, [&](std::string_view key, std::string_view value) -> Result<Visit> {
    if (!prefix.empty() && !order_.in_run(key, prefix)) {
      return Visit::stop;
    }
    return key.starts_with(prefix) ? visit(key, value) : Visit::go_on;
  });
}

Status EnvironmentTransaction::visit_hashed(std::string_view prefix, const Visitor& visit) {
  std::vector<std::string> keys;
  CYR_CHECK(walk({}, [&](std::string_view key, std::string_view) -> Result<Visit> {
    if (key.starts_with(prefix)) {
      keys.emplace_back(key);
    }
    return Visit::go_on;
  }));
  std::sort(keys.begin(), keys.end());
  for (const std::string& key : keys) {
    CYR_TRY(const auto value, get(key));
    CYR_TRY(const Visit go, value ? visit(key, *value) : Result<Visit>(Visit::go_on));
    if (go == Visit::stop) {
      break;
    }
  }
  return success();
}

Status EnvironmentTransaction::for_each(std::string_view prefix, const Visitor& visit) {
  CYR_CHECK(usable());
  return sorted() ? visit_sorted(prefix, visit) : visit_hashed(prefix, visit);
}

Result<Found> EnvironmentTransaction::next(std::string_view key) {
  CYR_CHECK(usable());
  Found out;
  CYR_CHECK(walk(key, [&](std::string_view there, std::string_view value) -> Result<Visit> {
    const bool after = key.empty() || order_.less(key, there);
    if (after && (!out || order_.less(there, out->first))) {
      out.emplace(there, value);
    }
    return out && sorted() ? Visit::stop : Visit::go_on;
  }));
  return out;
}

Status EnvironmentTransaction::put(std::string_view key, std::string_view value) {
  CYR_CHECK(usable());
  if (key.empty()) {
    return make_error(Errc::invalid, fmt::format("{} cannot hold an empty key", name_of(database_.kind_)))
        .at(database_.path_);
  }
  DBT key_thang = thang(key);
  DBT value_thang = thang(value);
  return step(handles_.db()->put(handles_.db(), txn_, &key_thang, &value_thang, 0), "put");
}

Status EnvironmentTransaction::erase(std::string_view key) {
  CYR_CHECK(usable());
  DBT wanted = thang(key);
  return step(handles_.db()->del(handles_.db(), txn_, &wanted, 0), "delete", DB_NOTFOUND);
}

Status EnvironmentTransaction::finish(Status done) {
  over_ = true;
  txn_ = nullptr;
  handles_.close();
  database_.active_ = nullptr;
  database_.copy_.reset();
  lock_ = File();
  return done;
}

Status EnvironmentTransaction::commit() {
  CYR_CHECK(usable());
  const u_int32_t how = database_.options_.sync ? DB_TXN_SYNC : DB_TXN_NOSYNC;
  return finish(library_status(txn_->commit(txn_, how), "commit", database_.path_));
}

Status EnvironmentTransaction::abort() {
  if (over_) {
    return success();
  }
  return finish(txn_ == nullptr ? success() : library_status(txn_->abort(txn_), "abort", database_.path_));
}

Status EnvironmentTransaction::checkpoint() {
  CYR_CHECK(usable());
  CYR_CHECK(library_status(txn_->abort(txn_), "abort", database_.path_));
  txn_ = nullptr;
  DB_ENV* env = handles_.env();
  return finish(
      library_status(env->txn_checkpoint(env, 0, 0, DB_FORCE), "checkpoint", database_.environment_));
}

// ---- the database ----

Status EnvironmentDatabase::create() {
  CYR_CHECK(io_.make_directories(environment_, 0755));
  const fs::path parent = path_.parent_path();
  CYR_CHECK(parent.empty() ? success() : io_.make_directories(parent, 0755));
  Handles handles;
  return handles.open(environment_, path_, kind_, options_.order.value_or(Order::raw), true, options_.mode);
}

Status EnvironmentDatabase::open() {
  CYR_TRY(const bool there, io_.exists(path_));
  if (!there && options_.create && !io_.read_only()) {
    CYR_CHECK(create());
  }
  return refresh();
}

Result<std::vector<FileInfo>> EnvironmentDatabase::present_state() const {
  CYR_TRY(auto files, environment_files(io_, environment_));
  files.push_back(path_);
  std::vector<FileInfo> out;
  for (const fs::path& file : files) {
    CYR_TRY(out.emplace_back(), io_.stat(file));
  }
  return out;
}

bool same(const FileInfo& a, const FileInfo& b) {
  return a.same_file(b) && a.size == b.size && a.mtime == b.mtime && a.mtime_nsec == b.mtime_nsec;
}

Status EnvironmentDatabase::refresh() {
  if (readers_ > 0) {
    return success();
  }
  CYR_TRY(auto state, present_state());
  if (copy_ && state.size() == state_.size() &&
      std::equal(state.begin(), state.end(), state_.begin(), same)) {
    return success();
  }
  copy_.reset();
  CYR_TRY(settled_, settle(io_, path_, environment_));
  OpenOptions options;
  options.order = options_.order;
  const FileFormat& format = kind_ == Kind::berkeley ? berkeley_format() : berkeley_hash_format();
  CYR_TRY(copy_, renamed(FileDatabase::open(posix_io(), settled_.file, format, options)));
  state_ = std::move(state);
  return success();
}

Result<std::optional<std::string>> EnvironmentDatabase::get(std::string_view key) {
  if (active_ != nullptr) {
    return active_->get(key);
  }
  CYR_CHECK(refresh());
  return renamed(copy_->get(key));
}

Result<Found> EnvironmentDatabase::next(std::string_view key) {
  if (active_ != nullptr) {
    return active_->next(key);
  }
  CYR_CHECK(refresh());
  return renamed(copy_->next(key));
}

Status EnvironmentDatabase::for_each(std::string_view prefix, const Visitor& visit) {
  if (active_ != nullptr) {
    return active_->for_each(prefix, visit);
  }
  CYR_CHECK(refresh());
  ++readers_;
  Status done = copy_->for_each(prefix, visit);
  --readers_;
  if (!done && done.error().path == settled_.file) {
    done.error().path = path_;
  }
  return done;
}

Status EnvironmentDatabase::consistent() {
  if (active_ != nullptr) {
    return make_error(Errc::locked, "a transaction is open").at(path_);
  }
  CYR_CHECK(refresh());
  return renamed(copy_->consistent());
}

Result<Order> EnvironmentDatabase::order() {
  CYR_CHECK(refresh());
  return renamed(copy_->order());
}

Result<std::unique_ptr<EnvironmentTransaction>> EnvironmentDatabase::begin_here() {
  if (io_.read_only()) {
    return make_error(Errc::permission, "not changed: this is a dry run").at(path_);
  }
  if (active_ != nullptr || readers_ > 0) {
    return make_error(Errc::locked, active_ != nullptr ? "a transaction is open already"
                                                       : "is being read by the same program")
        .at(path_);
  }
  CYR_TRY(File lock, open_locked(io_, path_, LockMode::exclusive, LockWait::block, {.write = true}));
  // The library trusts its files, so that they are looked at before it gets them.
  CYR_CHECK(refresh());
  CYR_CHECK(renamed(copy_->consistent()));
  CYR_TRY(const Order order, copy_->order());
  auto transaction = std::make_unique<EnvironmentTransaction>(*this, std::move(lock), order);
  CYR_CHECK(transaction->start());
  return transaction;
}

Result<std::unique_ptr<Transaction>> EnvironmentDatabase::begin() {
  CYR_TRY(auto transaction, begin_here());
  return std::unique_ptr<Transaction>(std::move(transaction));
}

Status EnvironmentDatabase::repack() {
  CYR_TRY(const auto transaction, begin_here());
  return transaction->checkpoint();
}

}  // namespace

Result<std::unique_ptr<Database>> open_in_environment(Io& io, const fs::path& path, Kind kind,
                                                      const OpenOptions& options,
                                                      const fs::path& environment) {
  // The library wants names that hold wherever it works.
  auto database =
      std::make_unique<EnvironmentDatabase>(io, fs::absolute(path), kind, options, fs::absolute(environment));
  CYR_CHECK(database->open());
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace cyr::db::berkeley

// A database file in an environment: read from a settled copy, changed by the library where it is.
#include <fmt/format.h>

#include <algorithm>
#include <boost/filesystem/operations.hpp>

#include "format/base/file.h"
#include "format/base/log.h"
#include "format/db/berkeley.h"
#include "format/db/berkeley_session.h"
#include "format/db/berkeley_settle.h"
#include "format/db/file_database.h"

namespace cyr::db::berkeley {

namespace {

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
  Result<std::unique_ptr<Hold>> hold() override;
  Result<std::unique_ptr<Transaction>> begin() override;
  Status consistent() override;
  // A checkpoint: everything that the cache holds goes to the database files.
  Status repack() override;
  Result<Order> order() override;

 private:
  friend class EnvironmentTransaction;
  class KeepCopy;
  Result<std::unique_ptr<EnvironmentTransaction>> begin_here();
  Status create();
  [[nodiscard]] Session::Place place(Order order) const {
    return {environment_, path_, kind_, order, options_.mode, options_.patience};
  }
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
      : database_(database), lock_(std::move(lock)), order_(order), session_(database.place(order)) {
    database_.active_ = this;
  }
  EnvironmentTransaction(const EnvironmentTransaction&) = delete;
  EnvironmentTransaction& operator=(const EnvironmentTransaction&) = delete;
  ~EnvironmentTransaction() override {
    if (const Status done = abort(); !done) {
      log(LogLevel::error, "{}", done.error().text());
    }
  }
  Status start() {
    CYR_CHECK(step(session_.open(false)));
    return step(session_.begin());
  }

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
  // After an error the transaction can only be aborted.
  template <class Done>
  Done step(Done done) {
    broken_ = broken_ || !done;
    return done;
  }
  Status finish(Status done);

  EnvironmentDatabase& database_;
  File lock_;
  KeyOrder order_;
  Session session_;
  bool over_ = false;
  bool broken_ = false;
};

// ---- the transaction ----

Status EnvironmentTransaction::usable() const {
  if (over_ || broken_) {
    return make_error(Errc::invalid,
                      over_ ? "transaction is over" : "an earlier step of this transaction failed")
        .at(database_.path_);
  }
  return success();
}

Result<std::optional<std::string>> EnvironmentTransaction::get(std::string_view key) {
  CYR_CHECK(usable());
  return step(session_.get(key));
}

Status EnvironmentTransaction::visit_sorted(std::string_view prefix, const Visitor& visit) {
  return session_.walk(prefix, [&](std::string_view key, std::string_view value) -> Result<Visit> {
    if (!prefix.empty() && !order_.in_run(key, prefix)) {
      return Visit::stop;
    }
    return key.starts_with(prefix) ? visit(key, value) : Visit::go_on;
  });
}

Status EnvironmentTransaction::visit_hashed(std::string_view prefix, const Visitor& visit) {
  std::vector<std::string> keys;
  CYR_CHECK(session_.walk({}, [&](std::string_view key, std::string_view) -> Result<Visit> {
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
  CYR_CHECK(session_.walk(key, [&](std::string_view there, std::string_view value) -> Result<Visit> {
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
  return step(session_.put(key, value));
}

Status EnvironmentTransaction::erase(std::string_view key) {
  CYR_CHECK(usable());
  return step(session_.erase(key));
}

Status EnvironmentTransaction::finish(Status done) {
  over_ = true;
  const Status closed = session_.close();
  database_.active_ = nullptr;
  database_.copy_.reset();
  lock_ = File();
  return done ? closed : done;
}

Status EnvironmentTransaction::commit() {
  CYR_CHECK(usable());
  return finish(session_.commit(database_.options_.sync));
}

Status EnvironmentTransaction::abort() { return over_ ? success() : finish(session_.abort()); }

Status EnvironmentTransaction::checkpoint() {
  CYR_CHECK(usable());
  CYR_CHECK(step(session_.abort()));
  return finish(session_.checkpoint());
}

// ---- the database ----

Status EnvironmentDatabase::create() {
  CYR_CHECK(io_.make_directories(environment_, 0755));
  const fs::path parent = path_.parent_path();
  CYR_CHECK(parent.empty() ? success() : io_.make_directories(parent, 0755));
  Session session(place(options_.order.value_or(Order::raw)));
  CYR_CHECK(session.open(true));
  return session.close();
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
  CYR_TRY(const auto keep, hold());
  Status done = copy_->for_each(prefix, visit);
  if (!done && done.error().path == settled_.file) {
    done.error().path = path_;
  }
  return done;
}

// The copy is not made anew while one of these lives.
class EnvironmentDatabase::KeepCopy final : public Hold {
 public:
  explicit KeepCopy(EnvironmentDatabase& database) : database_(database) { ++database_.readers_; }
  KeepCopy(const KeepCopy&) = delete;
  KeepCopy& operator=(const KeepCopy&) = delete;
  ~KeepCopy() override { --database_.readers_; }

 private:
  EnvironmentDatabase& database_;
};

Result<std::unique_ptr<Hold>> EnvironmentDatabase::hold() {
  if (active_ != nullptr) {
    return std::make_unique<Hold>();
  }
  CYR_CHECK(refresh());
  return std::unique_ptr<Hold>(std::make_unique<KeepCopy>(*this));
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

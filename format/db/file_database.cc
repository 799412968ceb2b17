#include "format/db/file_database.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/base/log.h"
#include "format/db/record_batch.h"
#include "format/db/stream_sink.h"
#include "format/db/table_view.h"

namespace cyr::db {

namespace {

Result<std::optional<std::string>> value_of(const Result<std::optional<Entry>>& found) {
  if (!found) {
    return found.error();
  }
  return *found ? std::optional(std::string((*found)->value)) : std::nullopt;
}

}  // namespace

// Holds the file for reading; several at once when a visitor reads.
class FileDatabase::Reading {
 public:
  explicit Reading(FileDatabase& database) : database_(database) {}
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  ~Reading() {
    if (started_) {
      database_.stop_reading();
    }
  }
  Status start() {
    CYR_CHECK(database_.start_reading());
    started_ = true;
    return success();
  }

 private:
  FileDatabase& database_;
  bool started_ = false;
};

class FileDatabase::FileTransaction final : public Transaction {
 public:
  FileTransaction(FileDatabase& database, std::unique_ptr<Editor> editor)
      : database_(database), editor_(std::move(editor)), order_(*database.order_) {
    database_.active_ = this;
  }
  FileTransaction(const FileTransaction&) = delete;
  FileTransaction& operator=(const FileTransaction&) = delete;
  ~FileTransaction() override {
    if (editor_) {
      if (const Status done = abort(); !done) {
        log(LogLevel::error, "{}", done.error().text());
      }
    }
  }

  Result<std::optional<std::string>> get(std::string_view key) override {
    CYR_CHECK(usable());
    auto value = find(key);
    if (!value) {
      return database_.name(std::move(value.error()));
    }
    return value;
  }

  Status for_each(std::string_view prefix, const Visitor& visit) override {
    CYR_CHECK(usable());
    return database_.name(visit_all(std::string(prefix), visit));
  }

  Result<std::optional<std::pair<std::string, std::string>>> next(std::string_view key) {
    CYR_CHECK(usable());
    CYR_TRY(const auto view, editor_->view());
    std::optional<std::pair<std::string, std::string>> out;
    CYR_CHECK(database_.name(view->scan({key, false}, order_, [&](const Entry& entry) -> Result<Visit> {
      out.emplace(entry.key, entry.value);
      return Visit::stop;
    })));
    return out;
  }

  Status put(std::string_view key, std::string_view value) override {
    if (key.empty()) {
      return make_error(Errc::invalid, fmt::format("{} cannot hold an empty key", name_of(database_.kind())));
    }
    return change([&] { return editor_->put(key, value); });
  }
  Status erase(std::string_view key) override {
    return change([&] { return editor_->erase(key); });
  }

  Status commit() override {
    CYR_CHECK(usable());
    Status done = write_out();
    if (!done) {
      (void)editor_->abort();  // what it cannot undo, the next transaction will
    }
    finish();
    return database_.name(std::move(done));
  }

  Status abort() override {
    if (!editor_) {
      return success();
    }
    Status done = editor_->abort();
    finish();
    return database_.name(std::move(done));
  }

 private:
  [[nodiscard]] Status usable() const {
    if (!editor_ || broken_) {
      return make_error(Errc::invalid,
                        editor_ ? "an earlier step of this transaction failed" : "transaction is over")
          .at(database_.image_.path());
    }
    return success();
  }

  Result<std::optional<std::string>> find(std::string_view key) {
    CYR_TRY(const auto view, editor_->view());
    return value_of(view->find(key, order_));
  }

  template <class Step>
  Status change(const Step& step) {
    CYR_CHECK(usable());
    Status done = step();
    ++changes_;
    broken_ = !done;
    return database_.name(std::move(done));
  }

  // The visitor may change records, after which the view is void: go on behind the last key.
  Status visit_all(const std::string& prefix, const Visitor& visit) {
    std::optional<std::string> last;
    for (bool more = true; more;) {
      more = false;
      CYR_TRY(const auto view, editor_->view());
      const auto before = changes_;
      const auto visit_one = [&](const Entry& entry) -> Result<Visit> {
        if (!prefix.empty() && !order_.in_run(entry.key, prefix)) {
          return Visit::stop;
        }
        if (!entry.key.starts_with(prefix)) {
          return Visit::go_on;
        }
        last = std::string(entry.key);
        const std::string value(entry.value);
        CYR_TRY(const Visit go, visit(*last, value));
        more = go == Visit::go_on && changes_ != before;
        return more ? Visit::stop : go;
      };
      CYR_CHECK(view->scan(last ? ScanFrom{*last, false} : ScanFrom{prefix, true}, order_, visit_one));
    }
    return success();
  }

  Status write_out() {
    if (!editor_->changed()) {
      return success();
    }
    if (editor_->rewrites()) {
      CYR_TRY(const auto view, editor_->view());
      return database_.rewrite(*view);
    }
    CYR_CHECK(editor_->commit());
    if (database_.format_.delays_repack()) {
      database_.repack_due_ = true;
    } else {
      database_.repack_if_wanted();
    }
    return success();
  }

  void finish() {
    editor_.reset();
    database_.active_ = nullptr;
    database_.view_.reset();
    (void)database_.image_.release();
  }

  FileDatabase& database_;
  std::unique_ptr<Editor> editor_;
  KeyOrder order_;
  std::uint64_t changes_ = 0;
  bool broken_ = false;
};

FileDatabase::FileDatabase(Io& io, const fs::path& path, const FileFormat& format, const OpenOptions& options)
    : unsynced_(io),
      io_(options.sync ? io : unsynced_),
      format_(format),
      options_(options),
      image_(io, path, options.mode, format.lock_plan()) {
  if (format.fixed_order()) {
    order_ = format.default_order();
  }
}

Result<std::unique_ptr<Database>> FileDatabase::open(Io& io, const fs::path& path, const FileFormat& format,
                                                     const OpenOptions& options) {
  std::unique_ptr<FileDatabase> database(new FileDatabase(io, path, format, options));
  CYR_TRY(const bool there, io.exists(path));
  if (!there && options.create && !io.read_only()) {
    CYR_CHECK(database->create());
  }
  Reading reading(*database);
  CYR_CHECK(reading.start());
  return std::unique_ptr<Database>(std::move(database));
}

Status FileDatabase::create() {
  CYR_CHECK(io_.make_directories(image_.path().parent_path(), 0755));
  CYR_CHECK(make_ready());
  return image_.release();
}

KeyOrder FileDatabase::likely_order() const {
  if (order_) {
    return KeyOrder(*order_);
  }
  return KeyOrder(options_.order.value_or(format_.default_order()));
}

Status FileDatabase::start_reading() {
  if (readers_ == 0) {
    CYR_CHECK(format_.readers_lock() ? image_.acquire(LockMode::shared) : image_.acquire_unlocked());
    if (!view_ || view_epoch_ != image_.epoch() || !view_->stable()) {
      auto view = image_.bytes().empty()
                      ? Result<std::unique_ptr<View>>(std::make_unique<TableView>(std::vector<Entry>(), true))
                      : format_.view(image_.bytes());
      if (!view) {
        (void)image_.release();
        return name(std::move(view.error()));
      }
      view_ = std::move(*view);
      view_epoch_ = image_.epoch();
      list_checked_ = list_checked_ && !list_broken_;
      list_broken_ = false;
    }
  }
  ++readers_;
  return success();
}

void FileDatabase::stop_reading() {
  if (--readers_ == 0) {
    (void)image_.release();
  }
}

Status FileDatabase::settle_order(const View& view) {
  if (order_) {
    return success();
  }
  CYR_TRY(const OrderSet orders, view.orders());
  order_ = orders.pick(likely_order().order());
  return success();
}

Status FileDatabase::check_list() {
  if (list_checked_ || image_.bytes().empty()) {
    return success();
  }
  CYR_TRY(auto replayed, format_.replay_if_broken(image_.bytes(), likely_order().order()));
  list_checked_ = true;
  if (replayed) {
    list_broken_ = true;
    view_ = std::move(replayed);
  }
  return success();
}

Status FileDatabase::settle() {
  CYR_CHECK(check_list());
  return settle_order(*view_);
}

Result<Order> FileDatabase::order() {
  Reading reading(*this);
  CYR_CHECK(reading.start());
  CYR_CHECK(name(settle()));
  return *order_;
}

Result<std::optional<std::string>> FileDatabase::get(std::string_view key) {
  if (active_ != nullptr) {
    return active_->get(key);
  }
  Reading reading(*this);
  CYR_CHECK(reading.start());
  auto found = value_of(view_->find(key, likely_order()));
  if ((!found || !*found) && !(order_ && list_checked_)) {
    // Absent, or the keys are in another order than we thought, or the list is not what was committed.
    if (const Status settled = settle(); settled) {
      found = value_of(view_->find(key, likely_order()));
    } else if (found) {
      return name(settled.error());
    }
  }
  if (!found) {
    return name(std::move(found.error()));
  }
  return found;
}

Result<std::optional<std::pair<std::string, std::string>>> FileDatabase::next(std::string_view key) {
  if (active_ != nullptr) {
    return active_->next(key);
  }
  Reading reading(*this);
  CYR_CHECK(reading.start());
  CYR_CHECK(name(key.empty() ? check_list() : settle()));
  std::optional<std::pair<std::string, std::string>> out;
  CYR_CHECK(name(view_->scan({key, false}, likely_order(), [&](const Entry& entry) -> Result<Visit> {
    out.emplace(entry.key, entry.value);
    return Visit::stop;
  })));
  return out;
}

Status FileDatabase::for_each(std::string_view prefix, const Visitor& visit) {
  if (active_ != nullptr) {
    return active_->for_each(prefix, visit);
  }
  ++visitors_;
  Status done = readers_ > 0 || format_.replaced_whole() ? visit_held(prefix, visit)
                                                         : visit_batches(std::string(prefix), visit);
  --visitors_;
  return name(std::move(done));
}

Status FileDatabase::visit_held(std::string_view prefix, const Visitor& visit) {
  Reading reading(*this);
  CYR_CHECK(reading.start());
  CYR_CHECK(prefix.empty() ? check_list() : settle());
  return scan_prefix(*view_, prefix, likely_order(),
                     [&](const Entry& entry) -> Result<Visit> { return visit(entry.key, entry.value); });
}

Status FileDatabase::visit_batches(const std::string& prefix, const Visitor& visit) {
  RecordBatch batch;
  std::optional<WalkPlace> last;
  for (bool more = true; more;) {
    CYR_TRY(more, read_batch(prefix, last, batch));
    std::string key;
    CYR_TRY(const Visit go, batch.visit_all(visit, key));
    if (go == Visit::stop) {
      return success();
    }
    last->key = std::move(key);
  }
  return success();
}

Result<bool> FileDatabase::read_batch(const std::string& prefix, std::optional<WalkPlace>& last,
                                      RecordBatch& batch) {
  batch.clear();
  Reading reading(*this);
  CYR_CHECK(reading.start());
  CYR_CHECK(check_list());
  ScanFrom from{prefix, true};
  if (last) {
    from = {last->key, false, last->state == state() ? batch.last_place() : 0};
  }
  if (!from.key.empty() && from.place == 0) {
    CYR_CHECK(settle_order(*view_));
  }
  const KeyOrder order = likely_order();
  bool more = false;
  CYR_CHECK(view_->scan(from, order, [&](const Entry& entry) -> Result<Visit> {
    if (!prefix.empty() && !order.in_run(entry.key, prefix)) {
      return Visit::stop;
    }
    if (!entry.key.starts_with(prefix)) {
      return Visit::go_on;
    }
    batch.add(entry);
    more = batch.full();
    return more ? Visit::stop : Visit::go_on;
  }));
  last = WalkPlace{{}, state()};
  return more;
}

// The epoch and the size would do for a skiplist, whose every change appends; the others' headers tell.
std::string FileDatabase::state() const {
  constexpr std::size_t head = 96;  // bytes: the longest header
  const Bytes bytes = image_.bytes();
  return fmt::format("{} {} ", image_.epoch(), bytes.size())
      .append(as_text(bytes.first(std::min(head, bytes.size()))));
}

class FileDatabase::FileHold final : public Hold {
 public:
  explicit FileHold(FileDatabase& database) : reading_(database) {}
  Status start() { return reading_.start(); }

 private:
  Reading reading_;
};

Result<std::unique_ptr<Hold>> FileDatabase::hold() {
  if (active_ != nullptr) {
    return std::make_unique<Hold>();
  }
  auto hold = std::make_unique<FileHold>(*this);
  CYR_CHECK(hold->start());
  return std::unique_ptr<Hold>(std::move(hold));
}

Status FileDatabase::consistent() {
  if (active_ != nullptr) {
    return make_error(Errc::locked, "a transaction is open").at(image_.path());
  }
  Reading reading(*this);
  CYR_CHECK(reading.start());
  Status sound = name(view_->check());
  if (!sound && !image_.bytes().empty()) {
    const auto replayed = format_.replay_if_broken(image_.bytes(), likely_order().order());
    if (replayed && *replayed) {
      sound.error().hint = "what was committed is intact; the next write or repack mends this";
    }
  }
  return sound;
}

Status FileDatabase::make_ready() {
  for (int attempt = 0; attempt < 2; ++attempt) {
    CYR_CHECK(image_.acquire(LockMode::exclusive, options_.create));
    const bool fresh = image_.bytes().empty();
    Status settled = success();
    // What a reader of ours found broken is not mended yet: it only replayed the log.
    if (!fresh && (!list_checked_ || list_broken_)) {
      list_checked_ = list_broken_ = false;
      CYR_TRY(const auto replayed, format_.replay_if_broken(image_.bytes(), likely_order().order()));
      if (replayed) {
        CYR_CHECK(settle_order(*replayed));
        CYR_CHECK(rewrite(*replayed));
        continue;
      }
      list_checked_ = true;
    }
    if (!order_ && !fresh) {
      CYR_TRY(const auto view, format_.view(image_.bytes()));
      settled = settle_order(*view);
    }
    const KeyOrder order = likely_order();
    CYR_TRY(const Readiness ready, format_.prepare(image_, order));
    if (ready == Readiness::ready) {
      CYR_CHECK(settled);
      if (fresh) {
        // Made by us or by somebody who may have died since: its name is to last as long as what gets into
        // it.
        const fs::path parent = image_.path().parent_path();
        CYR_CHECK(io_.sync_directory(parent.empty() ? fs::path(".") : parent));
      }
      order_ = order.order();
      return success();
    }
    CYR_TRY(const auto replayed, format_.replay(image_.bytes(), order));
    CYR_CHECK(rewrite(*replayed));
  }
  return corrupt("is damaged again right after it was rewritten");
}

Result<std::unique_ptr<Transaction>> FileDatabase::begin() {
  if (io_.read_only()) {
    return make_error(Errc::permission, "not changed: this is a dry run").at(image_.path());
  }
  if (active_ != nullptr || readers_ > 0 || visitors_ > 0) {
    return make_error(Errc::locked, active_ != nullptr ? "a transaction is open already"
                                                       : "is being read by the same program")
        .at(image_.path());
  }
  view_.reset();
  if (Status ready = make_ready(); !ready) {
    (void)image_.release();
    return name(std::move(ready.error()));
  }
  auto editor = format_.edit(image_, KeyOrder(*order_));
  if (!editor) {
    (void)image_.release();
    return name(std::move(editor.error()));
  }
  return std::unique_ptr<Transaction>(std::make_unique<FileTransaction>(*this, std::move(*editor)));
}

Status FileDatabase::rewrite(const View& view) {
  CYR_CHECK(image_.lock_repack());
  CYR_TRY(AtomicFile out, AtomicFile::create(io_, image_.path(), options_.mode));
  FileSink sink(out.file());
  CYR_TRY(const auto writer, format_.replacement(sink, image_.bytes()));
  const auto add = [&](const Entry& entry) -> Result<Visit> {
    CYR_CHECK(writer->add(entry.key, entry.value));
    return Visit::go_on;
  };
  CYR_CHECK(view.scan({}, likely_order(), add));
  CYR_CHECK(writer->finish());
  CYR_CHECK(out.lock(format_.lock_plan()));
  return out.commit();
}

Status FileDatabase::checkpoint() {
  CYR_TRY(const auto view, format_.view(image_.bytes()));
  CYR_CHECK(view->check());
  return rewrite(*view);
}

// What was committed is on disk; that it could not be made compact is no failure of it.
void FileDatabase::repack_if_wanted() {
  if (format_.wants_repack(image_.bytes())) {
    if (const Status packed = checkpoint(); !packed) {
      log(LogLevel::warning, "not repacked: {}", packed.error().text());
    }
  }
}

FileDatabase::~FileDatabase() {
  if (!repack_due_) {
    return;
  }
  // Another process may have done it meanwhile.
  const bool wanted = image_.acquire(LockMode::shared) && format_.wants_repack(image_.bytes());
  (void)image_.release();
  const auto lock = wanted ? FileDatabase::begin() : Result<std::unique_ptr<Transaction>>(nullptr);
  if (!lock) {
    log(LogLevel::warning, "not repacked: {}", lock.error().text());
  } else if (*lock) {
    repack_if_wanted();
  }
}

Status FileDatabase::repack() {
  CYR_TRY(const auto lock, begin());
  if (!format_.readers_lock()) {
    return success();  // a flat file is always compact
  }
  return name(checkpoint());
}

}  // namespace cyr::db

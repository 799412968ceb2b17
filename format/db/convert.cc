#include "format/db/convert.h"

#include <fmt/format.h>

#include "format/base/crc32.h"
#include "format/base/file.h"
#include "format/base/residency.h"
#include "format/base/text.h"
#include "format/db/quotalegacy.h"
#include "format/db/record_sorter.h"
#include "format/db/registry.h"
#include "format/db/sql.h"
#include "format/db/stream_sink.h"

namespace cyr::db {

namespace {

constexpr std::uint64_t progress_step = 1000;  // records
constexpr std::size_t roots_at_once = 400;
constexpr int max_kept = 1000;  // names that are tried for the old file

using Emit = std::function<Status(std::string_view key, std::string_view value)>;

// The same for the same records in any order; differs when any key or value does.
class Digest {
 public:
  void add(std::string_view key, std::string_view value) {
    sum_ += mix(crc32(key), key.size(), crc32(value, crc32(key, static_cast<std::uint32_t>(value.size()))));
    ++count_;
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  friend bool operator==(const Digest&, const Digest&) = default;

 private:
  static std::uint64_t mix(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
    std::uint64_t x = (a << 32U) ^ c ^ (b * 0x9e3779b97f4a7c15U);
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
    return x ^ (x >> 27U);
  }
  std::uint64_t sum_ = 0;
  std::uint64_t count_ = 0;
};

// The kind that the source really is.
Result<Kind> source_kind(Io& io, const fs::path& from, std::optional<Kind> declared) {
  if (declared == Kind::quotalegacy) {
    return Kind::quotalegacy;  // a tree, which may be named by a path that does not exist
  }
  CYR_TRY(const FileInfo info, io.stat(from));
  CYR_TRY(const auto found, detect(io, from));
  if (!declared) {
    if (found) {
      return *found;
    }
    return corrupt(info.size == 0 ? "is empty, so its kind cannot be found out"
                                  : "is no database that this program knows")
        .at(from)
        .with_hint("name the backend: flat, skiplist, twoskip or quotalegacy");
  }
  // An empty file is an empty database of any kind. Lines that are not sound yet are flat if that was said.
  const bool agrees = found ? *found == *declared : info.size == 0 || *declared == Kind::flat;
  if (!agrees) {
    return corrupt(found ? fmt::format("is a {} database, not {}", name_of(*found), name_of(*declared))
                         : fmt::format("is not a {} database", name_of(*declared)))
        .at(from);
  }
  return *declared;
}

class Conversion {
 public:
  Conversion(Io& io, const fs::path& from, const fs::path& to, Kind to_kind, const ConvertOptions& options)
      : io_(io), from_(from), to_(to), options_(options) {
    out_.to = to_kind;
  }

  Result<Converted> run(std::optional<Kind> declared) {
    CYR_CHECK(check_writable(out_.to, to_));
    // A table of a shared database has no file of its own that would tell its kind.
    const bool shared = declared == Kind::sql && !options_.open.sql.database.empty();
    CYR_TRY(out_.from, shared ? Result<Kind>(Kind::sql) : source_kind(io_, from_, declared));
    out_.caution = backend_of(out_.from).caution;
    OpenOptions open_source = options_.open;
    open_source.create = false;
    open_source.order.reset();
    CYR_TRY(source_, open(io_, from_, out_.from, open_source));
    if (out_.to == Kind::quotalegacy) {
      CYR_CHECK(to_tree());
    } else if (out_.to == Kind::sql) {
      CYR_CHECK(to_sql());
    } else {
      CYR_CHECK(to_file());
    }
    out_.records = read_.count();
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool writes() const { return !options_.dry_run && !io_.read_only(); }

  // Every record of the source, in its own order. It is held meanwhile, in place exclusively (`hold_`).
  Status read_source(const Emit& emit) {
    read_ = Digest();
    const Visitor visit = [&](std::string_view key, std::string_view value) -> Result<Visit> {
      read_.add(key, value);
      CYR_CHECK(emit(key, value));
      if (options_.progress && read_.count() % progress_step == 0) {
        CYR_CHECK(options_.progress(read_.count()));
      }
      return Visit::go_on;
    };
    return source_->for_each("", visit);
  }

  // ---- a file ----

  Status to_file() {
    const FileFormat& format = *backend_of(out_.to).format();
    const fs::path parent = to_.parent_path().empty() ? fs::path(".") : to_.parent_path();
    CYR_TRY(const auto old, replaced_file());
    const KeyOrder order(target_order(format));
    if (!writes()) {
      MemoryNull nothing;
      return write_records(format, order, nothing);
    }
    CYR_TRY(File lock, hold(old ? &*old : nullptr));
    CYR_CHECK(io_.make_directories(parent, 0755));
    CYR_TRY(AtomicFile file, AtomicFile::create(io_, to_, options_.open.mode));
    FileSink sink(file.file());
    CYR_CHECK(write_records(format, order, sink));
    CYR_CHECK(file.sync());
    CYR_CHECK(verify(file.temporary()));
    if (old) {
      CYR_CHECK(keep(to_, to_));
    }
    CYR_CHECK(file.lock(format.lock_plan()));
    Status done = file.commit();
    if (!done && out_.kept) {
      (void)io_.unlink(*out_.kept);  // only a second name of what is still in place
    }
    hold_.reset();
    return done;
  }

  // The file that is at the target, if it may be replaced.
  Result<std::optional<FileInfo>> replaced_file() const {
    const auto old = io_.stat(to_);
    if (!old) {
      return old.error().code == Errc::not_found ? Result<std::optional<FileInfo>>(std::nullopt)
                                                 : Result<std::optional<FileInfo>>(old.error());
    }
    if (old->kind != FileKind::regular) {
      return make_error(Errc::invalid, "is not a file, and is not replaced").at(to_);
    }
    if (!options_.replace) {
      return make_error(Errc::exists, "exists already").at(to_);
    }
    return std::optional(*old);
  }

  // Writers are kept away from the file that is replaced, so that nothing they do gets lost between reading
  // and rename.
  Result<File> hold(const FileInfo* old) {
    if (old == nullptr) {
      return File();
    }
    const auto from = io_.stat(from_);  // fails for a quota tree named by a path that is none
    if (!from && from.error().code != Errc::not_found) {
      return from.error();
    }
    if (from && from->same_file(*old)) {
      auto held = source_->begin();
      if (held) {
        hold_ = std::move(*held);
        return File();
      }
      // A Berkeley environment that was moved with its store knows the file under the name that it had, so
      // the library cannot open it here, and no other program either.
      const bool moved = held.error().code == Errc::not_found &&
                         (source_->kind() == Kind::berkeley || source_->kind() == Kind::berkeley_hash);
      if (!moved) {
        return std::move(held).error();
      }
    }
    return open_locked(io_, to_, LockMode::exclusive, LockWait::block, {}, 0600, plan_of(to_));
  }

  // How those who use the file lock it.
  [[nodiscard]] LockPlan plan_of(const fs::path& file) const {
    const auto kind = detect(io_, file);
    const FileFormat* format =
        kind && *kind && backend_of(**kind).format ? backend_of(**kind).format() : nullptr;
    return format != nullptr ? format->lock_plan() : LockPlan();
  }

  [[nodiscard]] Order target_order(const FileFormat& format) const {
    return format.fixed_order() ? format.default_order()
                                : options_.open.order.value_or(format.default_order());
  }

  // Takes what it is given and keeps nothing: for a dry run.
  class MemoryNull final : public StreamSink {
    Status write(Bytes /*from*/, std::uint64_t /*offset*/) override { return success(); }
  };

  Status write_records(const FileFormat& format, const KeyOrder& order, StreamSink& sink) {
    CYR_TRY(const auto one_state, source_->hold());
    CYR_TRY(const auto writer, format.writer(sink, 0));
    const Emit add = [&](std::string_view key, std::string_view value) {
      return named(writer->add(key, value), key);
    };
    // A dry run keeps nothing, so that the order does not matter to it.
    CYR_TRY(const bool sorted, writes() ? source_->sorted_by(order) : Result<bool>(true));
    if (sorted) {
      CYR_CHECK(read_source(add));
    } else {
      fs::path scratch = to_;
      scratch += ".NEW.sort";
      RecordSorter sorter(io_, scratch, order);
      const Emit collect = [&](std::string_view key, std::string_view value) {
        return sorter.add(key, value);
      };
      CYR_CHECK(read_source(collect));
      CYR_CHECK(sorter.finish(add));
    }
    return writer->finish();
  }

  Status named(Status status, std::string_view key) const {
    if (!status) {
      status.error().what += ", key \"" + printable(key.substr(0, 200)) + "\"";
      status.error().at(from_);
    }
    return status;
  }

  // What was written is read back by the ordinary reader.
  Status verify(const fs::path& written, const OpenOptions& how = {}) {
    CYR_TRY(const auto target, open(io_, written, out_.to, how));
    if (out_.to != Kind::flat || read_.count() > 0) {
      CYR_CHECK(target->consistent());
    }
    Digest there;
    CYR_CHECK(target->for_each("", [&](std::string_view key, std::string_view value) -> Result<Visit> {
      there.add(key, value);
      return Visit::go_on;
    }));
    if (!(there == read_)) {
      return make_error(Errc::io,
                        fmt::format("the new database reads back {} records, {} were written, or other ones",
                                    there.count(), read_.count()))
          .at(to_)
          .with_hint("nothing was changed; is the disk sound?");
    }
    return success();
  }

  // A second name for `file`, before it is replaced.
  Status keep(const fs::path& file, const fs::path& name) {
    if (!options_.keep_old) {
      return success();
    }
    for (int i = 0; i < max_kept; ++i) {
      fs::path kept = name;
      kept += i == 0 ? std::string(".old") : fmt::format(".old.{}", i);
      const Status linked = io_.link(file, kept);
      if (linked) {
        out_.kept = kept;
        return success();
      }
      if (linked.error().code != Errc::exists) {
        return linked.error();
      }
    }
    return make_error(Errc::exists, "has too many old versions kept beside it").at(file);
  }

  // ---- an sql table ----

  // A file of its own is written beside the target and renamed, like any file; a table of a shared database
  // is replaced in one transaction.
  Status to_sql() {
    CYR_TRY(const auto one_state, source_->hold());
    if (!writes()) {
      return read_source([](std::string_view /*key*/, std::string_view /*value*/) { return success(); });
    }
    OpenOptions target = options_.open;
    target.create = true;
    if (!target.sql.database.empty()) {
      CYR_CHECK(fill_table(to_, target));
      return verify(to_, target);
    }
    CYR_TRY(const auto old, replaced_file());
    CYR_TRY(File lock, hold(old ? &*old : nullptr));
    CYR_CHECK(io_.make_directories(to_.parent_path(), 0755));
    CYR_TRY(AtomicFile file, AtomicFile::create(io_, to_, options_.open.mode));
    target.sql.table = sql::table_name(to_);
    CYR_CHECK(fill_table(file.temporary(), target));
    CYR_CHECK(verify(file.temporary()));
    if (old) {
      CYR_CHECK(keep(to_, to_));
    }
    Status done = file.commit();
    hold_.reset();
    return done;
  }

  Status fill_table(const fs::path& path, const OpenOptions& target) {
    CYR_TRY(auto table, sql::TableWriter::begin(io_, path, target, options_.keep_old));
    if (table.replaces() && !options_.replace) {
      return make_error(Errc::exists, "exists already, as a table that is not empty").at(path);
    }
    CYR_CHECK(read_source(
        [&](std::string_view key, std::string_view value) { return named(table.add(key, value), key); }));
    CYR_CHECK(table.commit());
    if (!table.kept().empty()) {
      out_.kept = table.kept();
    }
    return success();
  }

  // ---- a quotalegacy tree ----

  Status to_tree() {
    CYR_TRY(const auto one_state, source_->hold());
    // All records are tried before the first one is written: there is no commit of a tree.
    CYR_TRY(const quotalegacy::Layout layout, quotalegacy::layout_of(io_, to_, options_.open));
    std::uint64_t existing = 0;
    const Emit check = [&](std::string_view key, std::string_view value) -> Status {
      CYR_CHECK(named(quotalegacy::check_root(value), key));
      CYR_TRY(const fs::path path, quotalegacy::path_of(layout, key));
      CYR_TRY(const bool there, io_.exists(path));
      existing += there ? 1 : 0;
      return success();
    };
    CYR_CHECK(read_source(check));
    if (existing > 0 && !options_.replace) {
      return make_error(Errc::exists, fmt::format("{} of the quota roots exist already", existing))
          .at(layout.base / "quota");
    }
    if (!writes()) {
      return success();
    }
    OpenOptions open_target = options_.open;
    open_target.create = true;
    CYR_TRY(const auto target, open(io_, to_, Kind::quotalegacy, open_target));
    // Some at a time: a transaction has two open files for each root, and 1,024 are usual.
    std::unique_ptr<Transaction> some;
    std::size_t in_it = 0;
    const Emit put = [&](std::string_view key, std::string_view value) -> Status {
      if (!some) {
        CYR_TRY(some, target->begin());
      }
      CYR_CHECK(existing > 0 ? put_root(*some, layout, key, value) : some->put(key, value));
      if (++in_it % roots_at_once == 0) {
        CYR_CHECK(some->commit());
        some.reset();
      }
      return success();
    };
    CYR_CHECK(read_source(put));
    CYR_CHECK(some ? some->commit() : success());
    some.reset();
    return verify_tree(*target);
  }

  // A root that gets another value keeps its file in quota.old (a name in quota itself would be a quota
  // root).
  Status put_root(Transaction& target, const quotalegacy::Layout& layout, std::string_view key,
                  std::string_view value) {
    const auto old = target.get(key);
    if (old && *old && **old == value) {
      return success();
    }
    CYR_TRY(const fs::path path, quotalegacy::path_of(layout, key));
    // One that cannot be read is kept, too. The empty file of a root that is new is only what the transaction
    // locks.
    const bool there = !old || old->has_value();
    if (there && options_.keep_old) {
      CYR_TRY(const fs::path directory, old_tree(layout));
      const fs::path kept = directory / path.lexically_relative(layout.base);
      CYR_CHECK(io_.make_directories(kept.parent_path(), 0755));
      CYR_CHECK(io_.link(path, kept));
    }
    return target.put(key, value);
  }

  Result<fs::path> old_tree(const quotalegacy::Layout& layout) {
    if (out_.kept) {
      return *out_.kept;
    }
    for (int i = 0; i < max_kept; ++i) {
      const fs::path name =
          layout.base / (i == 0 ? std::string("quota.old") : fmt::format("quota.old.{}", i));
      const Status made = io_.make_directory(name, 0755);
      if (made) {
        out_.kept = name;
        return name;
      }
      if (made.error().code != Errc::exists) {
        return made.error();
      }
    }
    return make_error(Errc::exists, "has too many old versions kept beside it").at(layout.base / "quota");
  }

  Status verify_tree(Database& target) {
    const Emit compare = [&](std::string_view key, std::string_view value) -> Status {
      CYR_TRY(const auto there, target.get(key));
      if (!there || *there != value) {
        return named(make_error(Errc::io, "quota root reads back otherwise than it was written"), key);
      }
      return success();
    };
    return read_source(compare);
  }

  Io& io_;
  const fs::path& from_;
  const fs::path& to_;
  const ConvertOptions& options_;
  Converted out_;
  Digest read_;
  std::unique_ptr<Database> source_;
  std::unique_ptr<Transaction> hold_;  // after source_: goes first
};

}  // namespace

Result<Converted> convert(Io& io, const fs::path& from, std::optional<Kind> from_kind, const fs::path& to,
                          Kind to_kind, const ConvertOptions& options) {
  const ResidencyLimit bounded;  // source and target are walked from end to end, several times
  return Conversion(io, from, to, to_kind, options).run(from_kind);
}

}  // namespace cyr::db

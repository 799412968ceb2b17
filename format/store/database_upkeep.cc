#include "format/store/database_upkeep.h"

#include <fmt/format.h>

#include <array>

#include "format/base/file.h"
#include "format/db/convert.h"
#include "format/db/registry.h"
#include "format/store/databases.h"

namespace cyr::store {

namespace {

using What = Upkeep::What;

constexpr std::size_t copy_step = std::size_t{256} << 10;  // bytes

// A whole file, held still by the lock that its writers take.
Status copy_file(Io& io, const DatabaseFile& file, const fs::path& to) {
  const db::FileFormat* format = file.kind && db::backend_of(*file.kind).format != nullptr
                                     ? db::backend_of(*file.kind).format()
                                     : nullptr;
  const LockPlan plan = format != nullptr ? format->lock_plan() : LockPlan();
  CYR_TRY(const File from, open_locked(io, file.path, LockMode::shared, LockWait::block, {}, 0600, plan));
  CYR_TRY(const FileInfo info, from.info());
  CYR_TRY(AtomicFile out, AtomicFile::create(io, to, info.mode));
  Buffer part(copy_step);
  for (std::uint64_t at = 0; at < info.size;) {
    CYR_TRY(const std::size_t have, from.read(part, at));
    if (have == 0) {
      return corrupt(fmt::format("became shorter than {} bytes while it was copied", info.size))
          .at(file.path);
    }
    CYR_CHECK(out.write(Bytes(part).first(have)));
    at += have;
  }
  return out.commit();
}

// A generation of copies: filled under another name, and moved into place when it is whole.
class Copies {
 public:
  Copies(Store& store, std::string stem)
      : io_(store.io()), top_(store.config().config_directory()), stem_(std::move(stem)) {}

  Status add(const DatabaseFile& file) {
    CYR_CHECK(begin());
    ++count_;
    if (file.kind == db::Kind::quotalegacy) {
      db::ConvertOptions options;
      options.open = file.open;
      CYR_CHECK(db::convert(io_, file.path, file.kind, filling() / "quotas.flat", db::Kind::flat, options));
      return success();
    }
    return copy_file(io_, file, filling() / file.path.filename());
  }

  // STEM2 goes, STEM1 becomes STEM2, what was filled becomes STEM1.
  Status finish() {
    if (count_ == 0) {
      return success();
    }
    CYR_CHECK(io_.sync_directory(filling()));
    CYR_TRY(const bool old, io_.exists(place(1)));
    if (old) {
      CYR_CHECK(clear(place(2)));
      CYR_CHECK(io_.rename(place(1), place(2)));
    }
    CYR_CHECK(io_.rename(filling(), place(1)));
    begun_ = false;
    return io_.sync_directory(top_);
  }

  ~Copies() {
    if (begun_) {
      (void)clear(filling());
    }
  }
  Copies(const Copies&) = delete;
  Copies& operator=(const Copies&) = delete;

  [[nodiscard]] fs::path place(int generation) const { return top_ / (stem_ + std::to_string(generation)); }

 private:
  [[nodiscard]] fs::path filling() const { return top_ / (stem_ + ".NEW"); }

  Status begin() {
    if (begun_) {
      return success();
    }
    CYR_CHECK(clear(filling()));
    CYR_CHECK(io_.make_directory(filling(), 0700));
    begun_ = true;
    return success();
  }

  // A directory of copies and what is in it. Nothing below it is followed.
  Status clear(const fs::path& directory) {
    const auto entries = io_.list(directory);
    if (!entries) {
      return entries.error().code == Errc::not_found ? success() : Status(entries.error());
    }
    for (const DirEntry& entry : *entries) {
      CYR_CHECK(io_.unlink(directory / entry.name));
    }
    return io_.remove_directory(directory);
  }

  Io& io_;
  fs::path top_;
  std::string stem_;
  bool begun_ = false;
  int count_ = 0;
};

class Work {
 public:
  Work(Store& store, const UpkeepReport& report)
      : store_(store), io_(store.io()), report_(report), saved_(store, "db.upgrade") {}

  Status list() {
    return each_database(store_, DatabaseScope::server, [&](const DatabaseFile& file) {
      files_.push_back(file);
      return success();
    });
  }

  Status stamp(std::uint32_t now) {
    const fs::path directory = store_.config().config_directory() / "db";
    const fs::path stamp = directory / "skipstamp";
    const fs::path clean = directory / "skipcleanshutdown";
    CYR_TRY(const bool was_clean, io_.exists(clean));
    CYR_TRY(const bool stamped, io_.exists(stamp));
    if (was_clean && !io_.read_only()) {
      CYR_CHECK(io_.unlink(clean));
    }
    if (was_clean && stamped) {
      return say(What::clean_shutdown, clean, "clean shutdown, starting normally");
    }
    if (!io_.read_only()) {
      std::array<std::byte, 4> word{};
      store_be(word.data(), now);
      CYR_CHECK(io_.make_directories(directory, 0755));
      CYR_CHECK(replace_file(io_, stamp, word));
    }
    return say(What::stamp, stamp, "updating recovery stamp");
  }

  // Before anything is changed, all that will be is copied.
  Status save_before_changes() {
    bool list_changes = !unfinished_.empty();
    for (const DatabaseFile& file : files_) {
      const bool changes = needs_conversion(file) || (list_changes && file.role == "mailboxes");
      if (!changes || io_.read_only()) {
        continue;
      }
      CYR_CHECK(saved_.add(file));
      CYR_CHECK(
          say(What::saved, file.path, "copied to " + saved_.place(1).string() + " before it is changed"));
    }
    return saved_.finish();
  }

  Status convert() {
    for (const DatabaseFile& file : files_) {
      if (!needs_conversion(file)) {
        continue;
      }
      db::ConvertOptions options;
      options.open = file.open;
      options.keep_old = false;  // it is in db.upgrade1
      options.dry_run = io_.read_only();
      const fs::path to = path_for(store_, file, *file.wanted_kind);
      const auto done = db::convert(io_, file.path, file.kind, to, *file.wanted_kind, options);
      if (!done) {
        CYR_CHECK(say(What::failed, file.path, "not converted: " + done.error().text()));
        continue;
      }
      if (!io_.read_only()) {
        CYR_TRY(const auto old, set_aside(io_, file, to));
        (void)old;
      }
      CYR_CHECK(say(What::converted, file.path,
                    fmt::format("{} records {} from {} to {}", done->records,
                                io_.read_only() ? "to convert" : "converted", db::name_of(done->from),
                                db::name_of(done->to))));
    }
    return success();
  }

  Status mend() {
    for (const DatabaseFile& file : files_) {
      if (file.at_start && file.kind && file.kind == file.wanted_kind) {
        CYR_CHECK(mend(file));
      }
    }
    return success();
  }

  Status find_unfinished() {
    const auto list = store_.mailbox_list();
    if (!list) {
      return success();  // mend() and convert() say what is wrong with it
    }
    const Status walked = (*list)->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
      if (item.entry && item.entry->type.reserved) {
        unfinished_.emplace_back(item.name);
      }
      return db::Visit::go_on;
    });
    store_.close_databases();
    return walked ? success() : say(What::failed, store_.paths().mailboxes_db(), walked.error().text());
  }

  Status remove_unfinished() {
    for (const std::string& name : unfinished_) {
      if (!io_.read_only()) {
        CYR_TRY(meta::MailboxList* const list, store_.mailbox_list());
        CYR_CHECK(list->erase(name));
      }
      CYR_CHECK(say(What::removed, store_.paths().mailboxes_db(), "removed reserved mailbox " + name));
    }
    store_.close_databases();
    return success();
  }

  Status back_up() {
    Copies copies(store_, "db.backup");
    for (const DatabaseFile& file : files_) {
      if (!file.in_backup) {
        continue;
      }
      if (!io_.read_only()) {
        CYR_CHECK(copies.add(file));
      }
      CYR_CHECK(say(What::copied, file.path,
                    (io_.read_only() ? "to copy to " : "copied to ") + copies.place(1).string()));
    }
    return copies.finish();
  }

 private:
  static bool needs_conversion(const DatabaseFile& file) {
    // As Cyrus: what it cannot detect it leaves alone.
    return file.at_start && !file.empty && file.kind && file.wanted_kind && *file.kind != *file.wanted_kind;
  }

  Status mend(const DatabaseFile& file) {
    const auto opened = db::open(io_, file.path, *file.kind, file.open);
    if (!opened) {
      return say(What::unsound, file.path, opened.error().text());
    }
    db::Database& database = **opened;
    const Status before = database.consistent();
    if (before) {
      return success();
    }
    const Status after = io_.read_only() ? before : begin_and_check(database);
    if (after) {
      return say(What::mended, file.path, "recovered: " + before.error().what);
    }
    return say(What::unsound, file.path, after.error().text());
  }

  // The start of a transaction mends what a dead writer left.
  static Status begin_and_check(db::Database& database) {
    CYR_TRY(const auto transaction, database.begin());
    CYR_CHECK(transaction->abort());
    return database.consistent();
  }

  Status say(What what, const fs::path& path, std::string text) {
    report_({what, path, std::move(text)});
    return success();
  }

  Store& store_;
  Io& io_;
  const UpkeepReport& report_;
  Copies saved_;
  std::vector<DatabaseFile> files_;
  std::vector<std::string> unfinished_;
};

}  // namespace

std::string_view name_of(Upkeep::What what) {
  switch (what) {
    case What::stamp:
      return "stamp";
    case What::clean_shutdown:
      return "clean-shutdown";
    case What::saved:
      return "saved";
    case What::converted:
      return "converted";
    case What::mended:
      return "mended";
    case What::unsound:
      return "unsound";
    case What::failed:
      return "failed";
    case What::removed:
      return "removed";
    case What::copied:
      return "copied";
  }
  return "?";
}

bool is_trouble(Upkeep::What what) { return what == What::unsound || what == What::failed; }

Status mend_databases(Store& store, const UpkeepReport& report) {
  Work work(store, report);
  CYR_CHECK(work.list());
  return work.mend();
}

Status recover_databases(Store& store, bool cleanup, std::uint32_t now, const UpkeepReport& report) {
  Work work(store, report);
  CYR_CHECK(work.stamp(now));
  CYR_CHECK(work.list());
  CYR_CHECK(work.mend());
  if (cleanup) {
    CYR_CHECK(work.find_unfinished());
  }
  CYR_CHECK(work.save_before_changes());
  CYR_CHECK(work.convert());
  return work.remove_unfinished();
}

Status checkpoint_databases(Store& store, const UpkeepReport& report) {
  Work work(store, report);
  CYR_CHECK(work.list());
  return work.back_up();
}

}  // namespace cyr::store

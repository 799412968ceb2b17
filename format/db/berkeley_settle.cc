#include "format/db/berkeley_settle.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/filesystem/operations.hpp>
#include <cstdarg>
#include <cstdlib>

#include "format/base/file.h"
#include "format/db/berkeley_library.h"
#include "format/db/berkeley_pages.h"
#include "format/db/berkeley_thang.h"

namespace cyr::db::berkeley {

namespace {

constexpr int patience = 60;  // seconds for one run of the library
constexpr std::string_view region_prefix = "__db.";
constexpr std::string_view log_prefix = "log.";

// ---- the child's view of the file system ----

// Logs and regions name files by the paths that they had in the store. In the child (run_apart) each of them
// leads into the copy: the database to its copy, anything else to a file that nobody needs. Set once, before
// the library is called; the library takes functions without an argument of ours.
struct Redirect {
  std::string root;      // of the copy
  std::string database;  // the copy of the database file
  std::string name;      // its last component, by which it is known in the store
  bool make_others =
      false;  // files that are opened and not there are made: the cache also holds pages of other databases
};
Redirect& redirect() {
  static Redirect value;
  return value;
}

std::string translate(const char* path) {
  const Redirect& to = redirect();
  const std::string_view text(path);
  const std::string_view name = text.substr(text.rfind('/') + 1);
  if (name == to.name) {
    return to.database;
  }
  return text.starts_with(to.root) ? std::string(text) : fmt::format("{}other.{}", to.root, name);
}

int open_in_copy(const char* path, int flags, ...) {
  ::mode_t mode = 0600;
  if ((flags & O_CREAT) != 0) {
    std::va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, ::mode_t);
    va_end(rest);
  }
  const int make = redirect().make_others && (flags & O_ACCMODE) == O_RDWR ? O_CREAT : 0;
  return ::open(translate(path).c_str(), flags | make | O_CLOEXEC, mode);
}
int rename_in_copy(const char* from, const char* to) {
  return std::rename(translate(from).c_str(), translate(to).c_str());
}
int unlink_in_copy(const char* path) { return ::unlink(translate(path).c_str()); }
int exists_in_copy(const char* path, int* is_directory) {
  struct stat info {};
  if (::stat(translate(path).c_str(), &info) != 0) {
    return errno;
  }
  if (is_directory != nullptr) {
    *is_directory = S_ISDIR(info.st_mode) ? 1 : 0;
  }
  return 0;
}

void redirect_library(const fs::path& root, const fs::path& database) {
  redirect() = {root.string() + "/", database.string(), database.filename().string(), false};
  (void)::db_env_set_func_open(open_in_copy);
  (void)::db_env_set_func_rename(rename_in_copy);
  (void)::db_env_set_func_unlink(unlink_in_copy);
  (void)::db_env_set_func_exists(exists_in_copy);
}

// ---- what the library does on a copy ----

using EnvironmentHandle = std::unique_ptr<DB_ENV, CloseHandle<DB_ENV>>;

Result<EnvironmentHandle> new_environment() {
  DB_ENV* raw = nullptr;
  CYR_CHECK(library_status(::db_env_create(&raw, 0), "start"));
  silence(raw);
  return EnvironmentHandle(raw);
}

Status recover(const fs::path& home) {
  CYR_TRY(const EnvironmentHandle env, new_environment());
  return library_status(
      env->open(env.get(), home.c_str(), subsystems | DB_CREATE | DB_RECOVER | DB_PRIVATE, 0600), "recover");
}

// Writes out what the cache holds. The locks and mutexes of the copy are nobody's.
Status write_cache_out(const fs::path& home) {
  bool unfinished = false;
  {
    CYR_TRY(const EnvironmentHandle env, new_environment());
    CYR_CHECK(library_status(env->set_flags(env.get(), DB_NOLOCKING | DB_NOPANIC, 1), "set up"));
    CYR_CHECK(library_status(env->open(env.get(), home.c_str(), subsystems, 0600), "join the environment"));
    CYR_CHECK(library_status(env->log_flush(env.get(), nullptr), "flush the log"));
    redirect().make_others = true;
    CYR_CHECK(library_status(env->memp_sync(env.get(), nullptr), "write the cache out"));
    redirect().make_others = false;
    DB_TXN_STAT* transactions = nullptr;
    CYR_CHECK(library_status(env->txn_stat(env.get(), &transactions, 0), "count the transactions"));
    unfinished = transactions->st_nactive > 0;
    std::free(transactions);  // NOLINT: as the library wants it
  }
  return unfinished ? recover(home) : success();
}

Status upgrade_in_place(const fs::path& file) {
  DB* raw = nullptr;
  CYR_CHECK(library_status(::db_create(&raw, nullptr, 0), "start"));
  const std::unique_ptr<DB, CloseHandle<DB>> db(raw);
  silence(raw);
  return library_status(raw->upgrade(raw, file.c_str(), 0), "upgrade");
}

// ---- copies ----

Status write_copy(Bytes content, const fs::path& to) {
  CYR_TRY(File out, File::open(posix_io(), to, {.write = true, .create = true, .exclusive = true}));
  CYR_CHECK(out.write(content, 0));
  return out.close();
}

Status copy_file(Io& io, const fs::path& from, const fs::path& to) {
  CYR_TRY(const FileBytes content, io.read_file(from));
  return write_copy(content.bytes(), to);
}

struct Copy {
  fs::path root;
  fs::path home;  // of the environment
  fs::path file;
};

Result<Copy> make_copy(Io& io, const fs::path& file, const std::vector<fs::path>& environment,
                       const fs::path& root) {
  const Copy copy{root, root / "environment", root / file.filename()};
  CYR_CHECK(posix_io().make_directories(copy.home, 0700));
  CYR_CHECK(copy_file(io, file, copy.file));
  for (const fs::path& part : environment) {
    CYR_CHECK(copy_file(io, part, copy.home / part.filename()));
  }
  return copy;
}

using LogPlace = std::pair<std::uint32_t, std::uint32_t>;

// The last change that any page of the file tells of: a log file and a place in it.
Result<LogPlace> last_change(const fs::path& path) {
  CYR_TRY(const FileBytes content, posix_io().read_file(path));
  CYR_TRY(const Meta meta, decode_meta(content.bytes()));
  const PageFile file(content.bytes(), meta);
  LogPlace last{0, 0};
  for (std::uint32_t pgno = 0; pgno < file.pages(); ++pgno) {
    CYR_TRY(const Page page, file.raw_page(pgno));
    last = std::max(last, LogPlace(page.head.lsn_file, page.head.lsn_offset));
  }
  return last;
}

struct Attempt {
  fs::path file;
  LogPlace last;
};

Result<Attempt> attempt(Io& io, const fs::path& file, const std::vector<fs::path>& parts,
                        const fs::path& root, Status (*work)(const fs::path& home)) {
  CYR_TRY(const Copy copy, make_copy(io, file, parts, root));
  CYR_CHECK(run_apart(root, patience, [&]() -> Status {
    redirect_library(copy.root, copy.file);
    return work(copy.home);
  }));
  CYR_TRY(const LogPlace last, last_change(copy.file));
  return Attempt{copy.file, last};
}

Result<bool> mentions(Io& io, const fs::path& file, std::string_view id) {
  CYR_TRY(const FileBytes content, io.read_file(file));
  return content.text().find(id) != std::string_view::npos;
}

// The id of the file; nothing when it has none, because it is empty or damaged.
Result<std::optional<std::string>> id_of(Io& io, const fs::path& path) {
  const auto file = File::open(io, path);
  if (!file && file.error().code == Errc::not_found) {
    return std::optional<std::string>();
  }
  if (!file) {
    return file.error();
  }
  Buffer head(min_page_size);
  CYR_TRY(const std::size_t have, file->read(head, 0));
  if (!recognise(Bytes(head).first(have))) {
    return std::optional<std::string>();
  }
  return std::optional(std::string(as_text(Bytes(head).subspan(file_id_offset, file_id_size))));
}

}  // namespace

Result<std::unique_ptr<Scratch>> Scratch::make() {
  const char* base = std::getenv("TMPDIR");
  std::string name =
      fmt::format("{}/cyrkit-berkeley.XXXXXX", base != nullptr && *base == '/' ? base : "/tmp");
  if (::mkdtemp(name.data()) == nullptr) {
    return system_error(errno, "no scratch directory", name);
  }
  return std::unique_ptr<Scratch>(new Scratch(name));
}

Scratch::~Scratch() {
  boost::system::error_code ignored;
  fs::remove_all(path_, ignored);
}

bool is_region(const fs::path& file) { return file.filename().string().starts_with(region_prefix); }

Result<std::vector<fs::path>> environment_files(Io& io, const fs::path& environment) {
  std::vector<fs::path> out;
  const auto entries = io.list(environment);
  if (!entries) {
    const bool none = entries.error().code == Errc::not_found || entries.error().sys_errno == ENOTDIR;
    return none ? Result<std::vector<fs::path>>(std::move(out)) : entries.error();
  }
  for (const DirEntry& entry : *entries) {
    const bool log = entry.name.starts_with(log_prefix) && entry.name.size() > log_prefix.size() &&
                     entry.name.find_first_not_of("0123456789", log_prefix.size()) == std::string::npos;
    if (entry.kind == FileKind::regular && (log || entry.name.starts_with(region_prefix))) {
      out.push_back(environment / entry.name);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

Result<std::optional<fs::path>> environment_of(Io& io, const fs::path& file, const OpenOptions& options) {
  const fs::path directory = file.parent_path().empty() ? fs::path(".") : file.parent_path();
  std::vector<fs::path> candidates = {directory / "db", directory / ".." / "db"};
  if (options.environment) {
    candidates.assign(options.environment->empty() ? 0 : 1, *options.environment);
  }
  CYR_TRY(const auto id, id_of(io, file));
  if (!id) {
    return std::optional<fs::path>();
  }
  for (const fs::path& candidate : candidates) {
    CYR_TRY(const auto parts, environment_files(io, candidate));
    for (const fs::path& part : parts) {
      CYR_TRY(const bool known, mentions(io, part, *id));
      if (known) {
        return std::optional(candidate);
      }
    }
  }
  return std::optional<fs::path>();
}

Result<Settled> settle(Io& io, const fs::path& file, const fs::path& environment) {
  CYR_TRY(const auto parts, environment_files(io, environment));
  std::vector<fs::path> logs;
  std::copy_if(parts.begin(), parts.end(), std::back_inserter(logs),
               [](const fs::path& p) { return !is_region(p); });
  CYR_TRY(auto scratch, Scratch::make());
  auto by_log = attempt(io, file, logs, scratch->path() / "log", recover);
  if (logs.size() == parts.size()) {
    if (!by_log) {
      return std::move(by_log.error()).at(environment);
    }
    return Settled{std::move(scratch), by_log->file};
  }
  auto by_cache = attempt(io, file, parts, scratch->path() / "cache", write_cache_out);
  if (!by_cache) {
    // What only the cache holds would be missed without a word.
    return std::move(by_cache.error()).at(environment);
  }
  // After a crash of the machine the logs may be further than the cache, which was a file like any other.
  const bool log_is_newer = by_log && by_log->last > by_cache->last;
  return Settled{std::move(scratch), log_is_newer ? by_log->file : by_cache->file};
}

Result<Settled> upgrade(Bytes file) {
  CYR_TRY(auto scratch, Scratch::make());
  const fs::path copy = scratch->path() / "database";
  CYR_CHECK(write_copy(file, copy));
  CYR_CHECK(run_apart(scratch->path(), patience, [&]() -> Status {
    redirect_library(scratch->path(), copy);
    return upgrade_in_place(copy);
  }));
  return Settled{std::move(scratch), copy};
}

}  // namespace cyr::db::berkeley

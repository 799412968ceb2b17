// A copy of a Berkeley DB file that holds everything that was committed. A server leaves committed records in
// the cache and in the logs of its environment (`<configdirectory>/db`), and recovery in place forgets those
// that only the cache holds; so the work is done on copies, by the library, in a process of its own whose
// every path leads into the copy.
//
// Invariant: nothing of the store is changed, whatever is in the environment.
#pragma once

#include <memory>
#include <optional>

#include "format/base/io.h"
#include "format/db/database.h"

namespace cyr::db::berkeley {

// A directory of our own below $TMPDIR (or /tmp), removed at the end.
class Scratch {
 public:
  static Result<std::unique_ptr<Scratch>> make();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  explicit Scratch(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

struct Settled {
  std::unique_ptr<Scratch> scratch;
  fs::path file;  // in it
};

// Regions (`__db.NNN`) and logs (`log.NNNNNNNNNN`) of an environment, by name; empty when it is none.
Result<std::vector<fs::path>> environment_files(Io& io, const fs::path& environment);
[[nodiscard]] bool is_region(const fs::path& file);

// The environment that knows the file's id and so may hold records that the file has not:
// `options.environment`, or if that is not set a directory `db` beside the file or beside its directory, as
// Cyrus has it.
Result<std::optional<fs::path>> environment_of(Io& io, const fs::path& file, const OpenOptions& options);

// The file as the cache has it (written out on the copy), or as recovery by the logs makes it, whichever has
// the later changes; transactions that were not complete are undone. Errc::corrupt or Errc::unsupported when
// the library can do neither.
Result<Settled> settle(Io& io, const fs::path& file, const fs::path& environment);

// A copy that the library brought from an older version to the present one.
Result<Settled> upgrade(Bytes file);

}  // namespace cyr::db::berkeley

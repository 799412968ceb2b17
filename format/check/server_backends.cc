#include "format/check/server_backends.h"

#include <fmt/format.h>

#include "format/db/convert.h"
#include "format/db/registry.h"
#include "format/store/databases.h"

namespace cyr::check {

namespace {

// Read and written by every program of a release.
db::Kind common_kind(conf::Release release) {
  return release < conf::Release{2, 5, 0} ? db::Kind::skiplist : db::Kind::twoskip;
}

class Backends {
 public:
  Backends(store::Store& store, conf::Release release, store::SavedCopies& saved)
      : store_(store), release_(release), saved_(saved) {}

  Result<ServerBackends> run() {
    CYR_TRY(auto config, store_.config().for_release(release_));
    CYR_TRY(const auto target,
            store::Store::open(store_.io(), std::make_shared<const conf::Config>(std::move(config))));
    std::vector<store::DatabaseFile> files;  // listed first: what is written must not be met again
    CYR_CHECK(
        store::each_database(*target, store::DatabaseScope::server, [&](const store::DatabaseFile& file) {
          files.push_back(file);
          return success();
        }));
    for (const store::DatabaseFile& file : files) {
      if (file.role != "mailboxes" && !file.empty) {
        CYR_CHECK(one(*target, file));
      }
    }
    CYR_CHECK(saved_.settle(""));
    return std::move(out_);
  }

 private:
  Status one(store::Store& target, const store::DatabaseFile& file) {
    const db::Kind to = wanted(file);
    if (!file.kind) {
      out_.left.push_back(
          fmt::format("{}: is no database that this program knows; left as it is", file.path.string()));
      return success();
    }
    if (*file.kind == to) {
      return success();
    }
    const fs::path path = store::path_for(target, file, to);
    if (path != file.path) {
      return other_place(file, path, to);
    }
    return convert(file, to);
  }

  // Quota roots in files of their own or in one database: the release reads either, but looks in one place.
  Status other_place(const store::DatabaseFile& file, const fs::path& path, db::Kind to) {
    out_.left.push_back(fmt::format(
        "{}: {} looks for the quota roots in {}; give cvt_cyrusdb --all --to {} "
        "for it, or set quota_db: {} in imapd.conf",
        file.path.string(), release_.text(), path.string(), db::name_of(to), db::name_of(*file.kind)));
    return success();
  }

  db::Kind wanted(const store::DatabaseFile& file) {
    if (file.wanted_kind && release_knows(release_, *file.wanted_kind)) {
      return *file.wanted_kind;
    }
    const db::Kind to = file.role == "quotas" ? db::Kind::quotalegacy : common_kind(release_);
    out_.advice.push_back(fmt::format("imapd.conf asks for {} for {}, which {} does not know: set it to {}",
                                      file.wanted, file.role, release_.text(), db::name_of(to)));
    return to;
  }

  Status convert(const store::DatabaseFile& file, db::Kind to) {
    const bool dry_run = store_.io().read_only();
    db::ConvertOptions options;
    options.open = file.open;
    options.keep_old = false;  // it is among the saved copies
    options.dry_run = dry_run;
    if (!dry_run) {
      CYR_CHECK(saved_.before_replace(file.path, {"", "backend"}));
    }
    const auto done = db::convert(store_.io(), file.path, file.kind, file.path, to, options);
    if (!done) {
      if (done.error().code == Errc::corrupt) {  // it stays, and so does the rest of the work
        out_.left.push_back(Error(done.error()).at(file.path).text());
        return success();
      }
      return Error(done.error()).at(file.path);
    }
    out_.converted.push_back({std::string(file.role), file.path, std::string(db::name_of(*file.kind)),
                              std::string(db::name_of(to)), done->records});
    return success();
  }

  store::Store& store_;
  conf::Release release_;
  store::SavedCopies& saved_;
  ServerBackends out_;
};

}  // namespace

bool release_knows(conf::Release release, db::Kind kind) {
  switch (kind) {
    case db::Kind::twoskip:
      return release >= conf::Release{2, 5, 0};
    case db::Kind::twom:
      return release >= conf::Release{3, 12, 0};
    case db::Kind::berkeley:
    case db::Kind::berkeley_hash:
      return release < conf::Release{3, 0, 0};
    case db::Kind::sql:
      return release >= conf::Release{2, 3, 0};
    case db::Kind::quotalegacy:  // under this name or, before it was an option, the only way
    case db::Kind::flat:
    case db::Kind::skiplist:
      return true;
    case db::Kind::zeroskip:
    case db::Kind::lmdb:
      return false;  // we do not write them
  }
  return false;
}

Result<ServerBackends> bring_server_backends(store::Store& store, conf::Release release,
                                             store::SavedCopies& saved) {
  store.close_databases();
  return Backends(store, release, saved).run();
}

}  // namespace cyr::check

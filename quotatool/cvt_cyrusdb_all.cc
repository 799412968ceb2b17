#include "quotatool/cvt_cyrusdb_all.h"

#include <fmt/format.h>

#include <set>

#include "format/cli/printer.h"
#include "format/db/convert.h"
#include "format/store/databases.h"

namespace cyr::quotatool {

namespace {

constexpr const char* program = "cvt_cyrusdb";

class AllDatabases {
 public:
  AllDatabases(store::Store& store, const ConvertAll& request)
      : store_(store), request_(request), progress_(program, !request.quiet && !request.common.json) {}

  Result<int> run() {
    // Listed first: what is converted must not be met again under another name.
    std::vector<store::DatabaseFile> files;
    CYR_CHECK(
        store::each_database(store_, store::DatabaseScope::everything, [&](const store::DatabaseFile& file) {
          files.push_back(file);
          return success();
        }));
    for (const store::DatabaseFile& file : files) {
      if (cli::stop_requested()) {
        return make_error(Errc::cancelled,
                          fmt::format("stopped after {} of {} databases", done_, files.size()));
      }
      ++done_;
      progress_.show(done_, files.size(), file.path.string());
      one(file);
    }
    progress_.clear();
    report();
    return failed_ > 0 ? cli::exit_failed : cli::exit_ok;
  }

 private:
  void one(const store::DatabaseFile& file) {
    const auto target = request_.to && file.role != "news" ? request_.to : file.wanted_kind;
    if (!target) {
      return add(file, {}, "failed", 0, {}, "no backend " + file.wanted);
    }
    if (file.empty) {
      return add(file, target, "empty", 0, {}, {});
    }
    if (!file.kind) {
      return add(file, target, "failed", 0, {}, "is no database that this program knows");
    }
    if (*file.kind == *target) {
      return add(file, target, "as wanted", 0, {}, {});
    }
    db::ConvertOptions options;
    options.dry_run = request_.dry_run;
    options.keep_old = request_.keep_old;
    options.open = file.open;
    options.progress = [&](std::uint64_t records) -> Status {
      progress_.show(records, 0, "records of " + file.path.string());
      return cli::stop_requested() ? Status(make_error(Errc::cancelled, "stopped, it was not changed"))
                                   : success();
    };
    const fs::path to = store::path_for(store_, file, *target);
    const auto done = db::convert(store_.io(), file.path, file.kind, to, *target, options);
    if (!done) {
      return add(file, target, "failed", 0, {}, done.error().text());
    }
    options_.insert(std::string(file.role));
    std::optional<fs::path> kept = done->kept;
    if (!request_.dry_run) {
      const auto aside = store::set_aside(store_.io(), file, to);
      if (!aside) {
        return add(file, target, "failed", done->records, {}, aside.error().text());
      }
      kept = *aside ? *aside : kept;
    }
    add(file, target, request_.dry_run ? "would be converted" : "converted", done->records,
        kept ? kept->string() : std::string(), {});
  }

  void add(const store::DatabaseFile& file, std::optional<db::Kind> target, const char* result,
           std::uint64_t records, const std::string& kept, const std::string& error) {
    const std::string_view from = file.empty ? "(empty)" : file.kind ? db::name_of(*file.kind) : "(unknown)";
    const std::string_view to = target ? db::name_of(*target) : std::string_view("?");
    failed_ += error.empty() ? 0 : 1;
    const bool settled = std::string_view(result) == "as wanted" || std::string_view(result) == "empty";
    settled_ += settled ? 1 : 0;
    if (request_.common.json) {
      cli::JsonLine line;
      line.add("role", file.role)
          .add("path", file.path.string())
          .add("from_backend", from)
          .add("to_backend", to);
      line.add("result", result).add("records", records).add("kept", kept).add("error", error);
      line.print();
      return;
    }
    if (!error.empty()) {
      progress_.clear();
      cli::print_warning(program, error.find(file.path.string()) == std::string::npos
                                      ? file.path.string() + ": " + error
                                      : error);
    }
    if (!settled || request_.common.verbose > 0) {
      table_.add_row({std::string(file.role), std::string(from), std::string(to),
                      records > 0 ? std::to_string(records) : std::string(), result, file.path.string()});
      ++rows_;
    }
  }

  void report() {
    if (request_.common.json || request_.quiet) {
      return;
    }
    if (rows_ > 0) {
      table_.print();
    }
    fmt::print("{} databases, {} as wanted or empty, {} {}, {} failed\n", done_, settled_,
               done_ - settled_ - failed_, request_.dry_run ? "to convert" : "converted", failed_);
    if (request_.to && !options_.empty() && !request_.dry_run) {
      fmt::print(
          "now imapd.conf must ask for {}: databases of other backends are converted back by the next "
          "start\n",
          db::name_of(*request_.to));
    }
  }

  store::Store& store_;
  const ConvertAll& request_;
  cli::Progress progress_;
  cli::Table table_{{{"database"}, {"from"}, {"to"}, {"records", cli::Align::right}, {"result"}, {"file"}}};
  std::set<std::string> options_;  // roles that changed
  std::size_t done_ = 0;
  std::size_t settled_ = 0;
  std::size_t failed_ = 0;
  std::size_t rows_ = 0;
};

}  // namespace

Result<int> convert_all(const ConvertAll& request) {
  CYR_TRY(conf::Config config, cli::start_program(request.common, program));
  cli::install_stop_handlers();
  Io& io = request.dry_run ? read_only_io() : posix_io();
  CYR_TRY(const auto store, store::Store::open(io, std::make_shared<const conf::Config>(std::move(config))));
  return AllDatabases(*store, request).run();
}

}  // namespace cyr::quotatool

// ctl_deliver: shows what deliver.db remembers, and forgets what is old.
#include <fmt/format.h>

#include <ctime>

#include "format/base/text.h"
#include "format/cli/app.h"
#include "format/meta/duplicate.h"
#include "format/store/pruning.h"

namespace {

using namespace cyr;

struct Arguments {
  cli::CommonOptions common;
  bool dump = false;
  int days = -1;
  std::string file;
};

Result<int> dump(store::Store& store, const Arguments& arguments) {
  const fs::path path = arguments.file.empty() ? store.paths().deliver_db() : fs::path(arguments.file);
  CYR_TRY(const auto database, store.open_database(path, conf::Option::duplicate_db));
  fmt::print("it is NOW: {}\n", std::time(nullptr));
  std::uint64_t count = 0;
  CYR_CHECK(database->for_each("", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
    const auto record = meta::decode_duplicate(key, value);
    if (record) {
      ++count;
      fmt::print("id: {:<40}\tto: {:<20}\tat: {}\tuid: {}\n", printable(record->id), printable(record->to),
                 record->mark, record->uid);
    } else {
      cli::print_warning("ctl_deliver", "a record cannot be read: " + printable(key));
    }
    return db::Visit::go_on;
  }));
  fmt::print("got {} entries\n", count);
  return 0;
}

// Cyrus leaves this to cyr_expire -E today; old cyrus.conf files still call it here.
Result<int> expire(store::Store& store, int days) {
  const std::int64_t mark = std::time(nullptr) - std::int64_t{86400} * days;
  CYR_TRY(const auto pruned, store::prune_deliveries(store, mark, {}));
  (void)pruned;
  return 0;
}

Result<int> run(const Arguments& arguments) {
  if (arguments.dump == (arguments.days >= 0)) {
    return make_error(Errc::invalid, "either -d or -E is needed");
  }
  CYR_TRY(auto config, cli::start_program(arguments.common, "ctl_deliver"));
  CYR_TRY(const auto store,
          store::Store::open(posix_io(), std::make_shared<const conf::Config>(std::move(config))));
  return arguments.dump ? dump(*store, arguments) : expire(*store, arguments.days);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("show or prune the list of delivered messages", "ctl_deliver");
  Arguments arguments;
  cli::add_common_options(app, arguments.common, {.json = false, .verbose = false});
  app.add_flag("-d", arguments.dump, "print every record");
  app.add_option("-E", arguments.days, "remove records older than so many days")->check(CLI::Range(0, 36500));
  app.add_option("-f", arguments.file, "this database instead of the configured one");
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  return cli::run_program("ctl_deliver", [&] { return run(arguments); });
}

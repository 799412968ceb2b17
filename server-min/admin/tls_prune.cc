// tls_prune: removes TLS sessions from tls_sessions.db that nobody can resume any more. Value: the time when
// the session ends, a native long, and the session (store.md 6.9).
#include <cstring>
#include <ctime>

#include "format/cli/app.h"
#include "format/store/store.h"

namespace {

using namespace cyr;

bool is_over(std::string_view value, std::int64_t now) {
  std::int64_t end = 0;
  if (value.size() < sizeof end) {
    return true;  // no session
  }
  std::memcpy(&end, value.data(), sizeof end);
  return end < now;
}

Result<int> run(const cli::CommonOptions& common) {
  CYR_TRY(auto config, cli::start_program(common, "tls_prune"));
  CYR_TRY(const auto store,
          store::Store::open(posix_io(), std::make_shared<const conf::Config>(std::move(config))));
  const std::string given(store->config().text(conf::Option::tls_sessions_db_path));
  const fs::path path =
      given.empty() ? store->config().config_directory() / "tls_sessions.db" : fs::path(given);
  auto database = store->open_database(path, conf::Option::tls_sessions_db);
  if (!database) {
    return database.error().code == Errc::not_found ? Result<int>(0) : Result<int>(database.error());
  }
  const std::int64_t now = std::time(nullptr);
  CYR_TRY(const auto transaction, (*database)->begin());
  const Status walked =
      transaction->for_each("", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
        if (is_over(value, now)) {
          CYR_CHECK(transaction->erase(key));
        }
        return db::Visit::go_on;
      });
  CYR_CHECK(walked);
  CYR_CHECK(transaction->commit());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("forget TLS sessions that are over", "tls_prune");
  cli::CommonOptions common;
  cli::add_common_options(app, common, {.json = false, .verbose = false});
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  return cli::run_program("tls_prune", [&] { return run(common); });
}

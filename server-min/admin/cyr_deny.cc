// cyr_deny: who may not use which services (user_deny.db).
#include <fmt/format.h>

#include "format/base/text.h"
#include "format/cli/app.h"
#include "server-min/session/deny_list.h"

namespace {

using namespace cyr;

struct Arguments {
  cli::CommonOptions common;
  bool list = false;
  bool allow = false;
  std::string services = "*";
  std::string message;
  std::string user;
};

Result<int> list(store::Store& store) {
  CYR_TRY(const auto database,
          store.open_database(session::deny_list_path(store), conf::Option::userdeny_db));
  fmt::print("{:<30} {:<20} {}\n", "Username", "Service(s)", "Message");
  CYR_CHECK(database->for_each("", [](std::string_view user, std::string_view value) -> Result<db::Visit> {
    const auto denial = session::decode_denial(value);
    if (denial) {
      fmt::print("{:<30} {:<20} {}\n", printable(user), printable(denial->services),
                 printable(denial->message));
    } else {
      cli::print_warning("cyr_deny", "the record of " + printable(user) + " cannot be read");
    }
    return db::Visit::go_on;
  }));
  return 0;
}

Result<int> run(const Arguments& arguments) {
  if (arguments.user.empty() && !arguments.list) {
    return make_error(Errc::invalid, "no user is named");
  }
  CYR_TRY(auto config, cli::start_program(arguments.common, "cyr_deny"));
  CYR_TRY(const auto store,
          store::Store::open(posix_io(), std::make_shared<const conf::Config>(std::move(config))));
  if (arguments.list) {
    return list(*store);
  }
  CYR_TRY(const auto database,
          store->open_database(session::deny_list_path(*store), conf::Option::userdeny_db, true));
  CYR_CHECK(arguments.allow ? database->erase(arguments.user)
                            : database->put(arguments.user,
                                            session::encode_denial({arguments.services, arguments.message})));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("keep a user from services", "cyr_deny");
  Arguments arguments;
  cli::add_common_options(app, arguments.common, {.json = false, .verbose = false});
  app.add_flag("-l", arguments.list, "list who is denied what");
  app.add_flag("-a", arguments.allow, "allow the user everything again");
  app.add_option("-s", arguments.services, "only these services, separated by commas (*)");
  app.add_option("-m", arguments.message, "what the user is told");
  app.add_option("user", arguments.user, "the user");
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  return cli::run_program("cyr_deny", [&] { return run(arguments); });
}

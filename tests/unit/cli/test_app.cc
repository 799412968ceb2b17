// The command line as getopt users write it, tables, JSON lines, exit status.
#include <csignal>

#include "format/cli/app.h"
#include "format/cli/printer.h"
#include "tests/support/check.h"

using namespace cyr;
using namespace cyr::cli;

namespace {

struct Parsed {
  CommonOptions common;
  bool recursive = false;
  bool dry = false;
  std::string partition;
  std::vector<std::string> names;
  std::optional<int> done;
};

Parsed parse(std::vector<std::string> arguments) {
  Parsed out;
  CLI::App app("test", "prog");
  add_common_options(app, out.common);
  app.add_flag("-r", out.recursive);
  app.add_flag("-n", out.dry);
  app.add_option("-p", out.partition);
  app.add_option("mailbox", out.names);
  arguments.insert(arguments.begin(), "prog");
  std::vector<char*> argv;
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
  }
  out.done = parse_command_line(app, static_cast<int>(argv.size()), argv.data());
  return out;
}

}  // namespace

TEST_CASE("command line: short options together, values attached, any order") {
  const Parsed a = parse({"-rn", "-C/x/y.conf", "user.a", "-p", "p2", "user.b"});
  CHECK_FALSE(a.done.has_value());
  CHECK(a.recursive);
  CHECK(a.dry);
  CHECK(a.common.config_file == "/x/y.conf");
  CHECK(a.partition == "p2");
  CHECK(a.names == std::vector<std::string>{"user.a", "user.b"});
  const Parsed b = parse({"user.a", "-rnCz.conf", "--", "-r.odd"});
  CHECK(b.common.config_file == "z.conf");
  CHECK(b.names == std::vector<std::string>{"user.a", "-r.odd"});
  CHECK(parse({"-C", "a", "-C", "b"}).common.config_file == "b");
  CHECK(parse({}).common.config_file == "/etc/imapd.conf");
  CHECK(parse({"-vv", "--json", "--compat-exit"}).common.verbose == 2);
  CHECK(parse({"--compat-exit"}).common.compat_exit);
  CHECK(parse({"--json"}).common.json);
}

TEST_CASE("command line: what cannot be understood is a usage error") {
  CHECK(parse({"-z"}).done == 64);
  CHECK(parse({"-C"}).done == 64);
  CHECK(parse({"--nosuch"}).done == 64);
}

TEST_CASE("exit status of a program") {
  CHECK(run_program("prog", []() -> Result<int> { return 0; }) == 0);
  CHECK(run_program("prog", []() -> Result<int> { return 1; }) == 1);
  CHECK(run_program("prog", []() -> Result<int> { return make_error(Errc::config, "x"); }) == 78);
  CHECK(run_program("prog", []() -> Result<int> { return system_error(EACCES, "x"); }) == 77);
  CHECK(run_program("prog", []() -> Result<int> { throw std::runtime_error("x"); }) == 70);
  CHECK(run_program("prog", []() -> Result<int> { throw 1; }) == 70);
}

TEST_CASE("table") {
  Table table({{"mailbox"}, {"size", Align::right}, {"note"}});
  table.add_row({"user.bovik", "12", "ok"});
  table.add_row({"user.\xC3\xA9\x1B", "4000", ""});
  table.add_row({"x"});
  table.add_row({"y", "1", "z", "surplus"});
  CHECK(table.text() ==
        "mailbox     size  note\n"
        "user.bovik    12  ok\n"
        "user.\xC3\xA9\\x1b  4000\n"
        "x\n"
        "y              1  z\n");
}

TEST_CASE("json line") {
  JsonLine line;
  line.add("z", "first")
      .add("a", std::int64_t{-1})
      .add("u", std::uint64_t{18446744073709551615U})
      .add("b", true);
  line.add("list", std::vector<std::string>{"x", "\xFF"});
  CHECK(line.text() ==
        "{\"z\":\"first\",\"a\":-1,\"u\":18446744073709551615,\"b\":true,\"list\":[\"x\",\"\xEF\xBF\xBD\"]}");
}

TEST_CASE("stop signals") {
  install_stop_handlers();
  CHECK_FALSE(stop_requested());
  std::raise(SIGHUP);
  CHECK(stop_requested());
}

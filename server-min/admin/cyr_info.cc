// cyr_info: what the configuration comes to, and who is connected (tools.md 4).
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "format/base/text.h"
#include "format/cli/app.h"
#include "format/conf/cyrus_conf.h"
#include "format/names/paths.h"
#include "server-min/session/admin_files.h"

namespace {

using namespace cyr;
using Values = std::map<std::string, std::string, std::less<>>;

struct Arguments {
  cli::CommonOptions common;
  std::string services_file = "/etc/cyrus.conf";
  std::string service = "cyr_info";
  std::string old_version;
  std::string command;
};

Values values_of(const conf::Config& config, bool defaults) {
  Values out;
  for (auto& [name, value] : config.listing(defaults)) {
    out.emplace(std::move(name), std::move(value));
  }
  return out;
}

// What the file would be without its settings.
Result<Values> default_values(const conf::Config& config) {
  const std::string text = "configdirectory: " + config.config_directory().string() + "\n";
  CYR_TRY(const auto bare,
          conf::Config::parse(posix_io(), text, config.file(), {.release = config.release()}));
  return values_of(bare, true);
}

// `old`: options that it did not have yet are marked.
Result<int> print(const Values& values, const conf::Config& config, const std::string& old) {
  Values known;
  if (!old.empty()) {
    const auto release = conf::Release::parse(old);
    if (!release) {
      return make_error(Errc::invalid, "'" + printable(old) + "' is no version of Cyrus");
    }
    CYR_TRY(const auto before, config.for_release(*release));
    known = values_of(before, true);
  }
  for (const auto& [name, value] : values) {
    const bool is_new = !old.empty() && known.count(name) == 0 && conf::option_from_name(name);
    fmt::print("{}{}: {}\n", is_new ? "(" + config.release().text() + ") " : "", printable(name),
               printable(value));
  }
  return 0;
}

Result<int> print_given(const conf::Config& config, const std::string& old) {
  CYR_TRY(const Values defaults, default_values(config));
  Values given = values_of(config, false);
  for (auto at = given.begin(); at != given.end();) {
    const auto same = defaults.find(at->first);
    const bool is_default = same != defaults.end() && same->second == at->second;
    at = is_default && at->first != "configdirectory" ? given.erase(at) : std::next(at);
  }
  return print(given, config, old);
}

// Options with free names.
bool is_free_name(const std::string& name) {
  constexpr std::array<std::string_view, 4> prefixes = {"partition-", "metapartition-", "archivepartition-",
                                                        "sasl_"};
  return name.find("searchpartition-") != std::string::npos || name == "sieve_ignore" ||
         name == "pop_exclusive" ||
         std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return name.compare(0, prefix.size(), prefix) == 0; });
}

// "imap_admins", where imap is a service of cyrus.conf and admins an option.
bool is_of_a_service(const std::string& name, const std::vector<conf::CyrusEntry>& services) {
  return std::any_of(services.begin(), services.end(), [&](const conf::CyrusEntry& entry) {
    const std::string prefix = entry.name + "_";
    const std::string rest = name.compare(0, prefix.size(), prefix) == 0 ? name.substr(prefix.size()) : "";
    return !rest.empty() && (conf::option_from_name(rest) || is_free_name(rest));
  });
}

Result<int> lint(const conf::Config& config, const Arguments& arguments) {
  CYR_TRY(const auto services,
          conf::load_cyrus_conf(posix_io(), arguments.services_file, conf::prefix_from_environment()));
  bool found = false;
  for (const auto& [name, value] : config.overflow_options()) {
    if (!is_free_name(name) && !is_of_a_service(name, services)) {
      fmt::print("{}: {}\n", printable(name), printable(value));
      found = true;
    }
  }
  return found && !arguments.common.compat_exit ? static_cast<int>(cli::exit_failed) : 0;
}

Result<int> print_processes(const conf::Config& config) {
  CYR_TRY(const auto paths, names::Paths::from_config(config));
  CYR_TRY(const auto entries, session::list_proc(posix_io(), paths.proc_directory()));
  for (const auto& entry : entries) {
    std::string line = fmt::format("{} {} {}", entry.pid, entry.service, entry.client);
    for (const auto& field : {entry.user, entry.mailbox, entry.command}) {
      if (entry.user.empty()) {
        break;
      }
      line += " " + field;
    }
    fmt::print("{}\n", printable(line));
  }
  return 0;
}

Result<int> run(const Arguments& arguments) {
  if (arguments.command == "version") {
    fmt::print("cyrkit {}\n", CYRKIT_VERSION);
    return 0;
  }
  const conf::LoadRequest request{.ident = arguments.service, .prefix = conf::prefix_from_environment()};
  CYR_TRY(const auto config, conf::Config::load(posix_io(), arguments.common.config_file, request));
  if (arguments.command == "conf") {
    return print_given(config, arguments.old_version);
  }
  if (arguments.command == "conf-all") {
    return print(values_of(config, true), config, arguments.old_version);
  }
  if (arguments.command == "conf-default") {
    CYR_TRY(const Values defaults, default_values(config));
    return print(defaults, config, arguments.old_version);
  }
  return arguments.command == "conf-lint" ? lint(config, arguments) : print_processes(config);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("show the configuration and the connections", "cyr_info");
  Arguments arguments;
  cli::add_common_options(app, arguments.common, {.json = false, .verbose = false});
  app.add_option("-M", arguments.services_file, "the services (/etc/cyrus.conf)");
  app.add_option("-n", arguments.service, "as this service sees it");
  app.add_option("-s", arguments.old_version, "mark options that this version did not have");
  app.add_option("command", arguments.command, "conf, conf-all, conf-default, conf-lint, proc, version")
      ->required()
      ->check(CLI::IsMember({"conf", "conf-all", "conf-default", "conf-lint", "proc", "version"}));
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  return cli::run_program("cyr_info", [&] { return run(arguments); });
}

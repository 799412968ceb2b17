// CLI11 set up the way getopt users expect: short options together or with their value attached, any order.
#include "format/cli/app.h"

#include <cstdio>
#include <cstdlib>

#include "format/base/text.h"

namespace cyr::cli {
namespace {

bool environment_switch(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets the environment
  return value != nullptr && *value != '\0' && std::string_view(value) != "0" &&
         std::string_view(value) != "no";
}

void print_usage_error(const CLI::App& app, const CLI::Error& error) {
  const std::string name = app.get_name();
  std::string usage = "usage: " + name + " [OPTIONS]";
  for (const CLI::Option* option :
       app.get_options([](const CLI::Option* o) { return o->get_positional(); })) {
    const std::string title = option->get_single_name();
    usage += option->get_required() ? ' ' + title : " [" + title + ']';
    usage += option->get_items_expected_max() > 1 ? "..." : "";
  }
  std::fprintf(stderr, "%s: %s\n%s; %s --help tells more\n", name.c_str(), printable(error.what()).c_str(),
               usage.c_str(), name.c_str());
}

}  // namespace

void add_common_options(CLI::App& app, CommonOptions& options, const WhichOptions& which) {
  options.compat_exit = environment_switch("CYRKIT_COMPAT_EXIT");
  app.set_help_flag("--help", "print this and exit");
  app.set_version_flag("--version", app.get_name() + " (cyrkit) " CYRKIT_VERSION,
                       "print the version and exit");
  app.add_option("-C", options.config_file, "configuration file")
      ->type_name("FILE")
      ->capture_default_str()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_flag("--compat-exit", options.compat_exit, "exit status as the program of Cyrus IMAP has it");
  if (which.json) {
    app.add_flag("--json", options.json, "print JSON, one object a line");
  }
  if (which.verbose) {
    app.add_flag("-v,--verbose", options.verbose, "say more; may be repeated");
  }
}

std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv, int usage_status) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return app.exit(version);
  } catch (const CLI::ParseError& error) {
    print_usage_error(app, error);
    return usage_status;
  }
  return {};
}

}  // namespace cyr::cli

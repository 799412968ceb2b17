// cyr_buildinfo: what these programs can do, in the form of Cyrus's tool of that name, so that a test harness
// can ask. Only what is there is true.
#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "format/cli/app.h"

namespace {

using namespace cyr;

struct Feature {
  const char* group;
  const char* name;
  bool present;
};
constexpr std::array<Feature, 33> features = {{
    {"component", "event_notification", false},
    {"component", "gssapi", true},
    {"component", "autocreate", true},
    {"component", "idled", false},
    {"component", "httpd", false},
    {"component", "kerberos_v4", false},
    {"component", "murder", false},
    {"component", "nntpd", false},
    {"component", "replication", false},
    {"component", "sieve", false},
    {"component", "calalarmd", false},
    {"component", "jmap", false},
    {"component", "objectstore", false},
    {"component", "backup", false},
    {"dependency", "openssl", true},
    {"dependency", "zlib", true},
    {"dependency", "pcre", false},
    {"dependency", "clamav", false},
    {"dependency", "ical", false},
    {"dependency", "icu4c", true},
    {"dependency", "nghttp2", false},
    {"dependency", "brotli", false},
    {"dependency", "xml2", false},
    {"dependency", "ldap", false},
    {"dependency", "openslp", false},
    {"database", "mysql", false},
    {"database", "pgsql", false},
    {"database", "sqlite", true},
    {"search", "squat", false},
    {"search", "xapian", false},
    {"hardware", "sse42", false},
    {"hardware", "pclmul", false},
    {"cyrkit", "berkeley", true},
}};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("say what these programs can do", "cyr_buildinfo");
  cli::CommonOptions common;
  std::string ignored;
  cli::add_common_options(app, common, {.json = false, .verbose = false});
  app.add_option("format", ignored, "pretty or flat; always pretty")->group("");
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  return cli::run_program("cyr_buildinfo", []() -> Result<int> {
    nlohmann::ordered_json out;
    out["name"] = "cyrkit";
    out["version"] = CYRKIT_VERSION;
    for (const auto& feature : features) {
      out[feature.group][feature.name] = feature.present;
    }
    fmt::print("{}\n", out.dump(2));
    return 0;
  });
}

// imapd.conf of every store, read as its release reads it, against what that release's cyr_info prints: the
// options that are set, and the defaults of all others.
#include <map>
#include <set>

#include "format/base/text.h"
#include "format/conf/imapd_conf.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"

using namespace cyr;
using namespace cyr::conf;

namespace {

Release release_of(const std::string& store) {
  constexpr std::string_view old = "old-";
  return store.compare(0, old.size(), old) != 0
             ? v3_6
             : Release::parse(std::string_view(store).substr(old.size())).value();
}

// "name: value" lines; "(null)" and nothing are the same.
std::map<std::string, std::string> listed(std::string_view text) {
  std::map<std::string, std::string> out;
  for (const std::string_view line : split(text, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) {
      continue;
    }
    std::string_view value = line.substr(colon + 1);
    value.remove_prefix(value.empty() ? 0 : 1);
    out[std::string(line.substr(0, colon))] = value == "(null)" ? "" : value;
  }
  return out;
}

std::map<std::string, std::string> ours(const Config& config, const test::TempStore& store, bool defaults) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : config.listing(defaults)) {
    out[name] = store.to_golden(value);
  }
  return out;
}

}  // namespace

TEST_CASE("imapd.conf: options and defaults are those that each release's cyr_info prints") {
  std::set<std::string> releases;
  for (const std::string& name : test::all_stores()) {
    const Release release = release_of(name);
    if (release < v2_5) {
      continue;  // no cyr_info
    }
    INFO(name);
    const test::TempStore store(name);
    const auto config = Config::load(posix_io(), store.conf(), {.ident = "cyr_info", .release = release});
    REQUIRE_OK(config);
    const auto golden = listed(store.golden("intact/cyr_info-conf-all.txt"));
    const auto mine = ours(*config, store, true);
    for (const auto& [option, value] : golden) {
      INFO(option);
      REQUIRE(mine.count(option) == 1);
      CHECK(mine.at(option) == value);
    }
    for (const auto& [option, value] : mine) {
      INFO(option);
      CHECK(golden.count(option) == 1);
    }
    releases.insert(release.text());
  }
  CHECK(releases ==
        std::set<std::string>{"2.5.17", "3.0.18", "3.10.3", "3.12.3", "3.2.12", "3.6.1", "3.8.6"});
}

TEST_CASE("imapd.conf: every golden option that is set has the value of cyr_info conf") {
  for (const std::string& name : test::stores_of_3_6_1()) {
    INFO(name);
    const test::TempStore store(name);
    const auto config = Config::load(posix_io(), store.conf(), {.ident = "cyr_info"});
    REQUIRE_OK(config);
    const auto mine = ours(*config, store, false);
    for (const auto& [option, value] : listed(store.golden("intact/cyr_info-conf.txt"))) {
      INFO(option);
      REQUIRE(mine.count(option) == 1);
      CHECK(mine.at(option) == value);
    }
  }
}

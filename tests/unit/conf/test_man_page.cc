// imapd.conf(5) has every option that the programs ask for, and no other, with the default of 3.6.
#include <boost/filesystem/operations.hpp>
#include <map>
#include <regex>
#include <set>

#include "format/conf/imapd_conf.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"

using namespace cyr;

namespace {

const fs::path kSource = CYRKIT_SOURCE_DIR;

// ".It Cm timeout : Ar duration Pq Li 32m": name and default.
std::map<std::string, std::string> options_of_page() {
  const std::string page = test::read_text(kSource / "man/imapd.conf.5");
  const std::regex item(R"re(\.It Cm (\w+) : Ar \w+(?: Pq Li (?:"([^"]*)"|(\S+)))?\n)re");
  std::map<std::string, std::string> out;
  for (std::sregex_iterator at(page.begin(), page.end(), item), end; at != end; ++at) {
    std::string value = test::replace_all((*at)[2].str() + (*at)[3].str(), "\\e", "\\");
    value = test::replace_all(value, "{configdirectory}", "/c");
    CHECK(out.emplace((*at)[1].str(), value).second);
  }
  return out;
}

std::set<std::string> options_asked_for() {
  const std::regex asked(R"(\bOption::(\w+))");
  std::set<std::string> out;
  for (const char* const room : {"format", "recon", "quotatool", "cyradm", "server-min"}) {
    for (const auto& file : boost::filesystem::recursive_directory_iterator(kSource / room)) {
      if (file.path().extension() != ".cc" && file.path().extension() != ".h") {
        continue;
      }
      const std::string text = test::read_text(file.path());
      for (std::sregex_iterator at(text.begin(), text.end(), asked), end; at != end; ++at) {
        out.insert((*at)[1]);
      }
    }
  }
  return out;
}

}  // namespace

TEST_CASE("imapd.conf(5): what is honoured, with its default") {
  auto page = options_of_page();
  for (const char* const own : {"pop_exclusive", "sieve_ignore"}) {  // not of Cyrus
    CHECK(page.erase(own) == 1);
  }
  std::set<std::string> names;
  for (const auto& [name, value] : page) {
    names.insert(name);
  }
  CHECK(names == options_asked_for());
  const auto config = conf::Config::parse(posix_io(), "configdirectory: /c\npartition-default: /s\n",
                                          "p.conf", {.release = conf::v3_6});
  REQUIRE_OK(config);
  const auto listing = config->listing(true);
  const std::map<std::string, std::string> defaults(listing.begin(), listing.end());
  for (const auto& [name, value] : page) {
    CAPTURE(name);
    const auto found = defaults.find(name);
    if (name != "configdirectory") {
      CHECK((found == defaults.end() ? "" : found->second) == value);
    }
  }
}

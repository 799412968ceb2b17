// The order of LIST and what is below a name.
#include "server-min/imapd/listed_names.h"
#include "tests/support/check.h"

using namespace cyr::imapd;

namespace {

std::vector<std::string> names_of(ListedNames& names) {
  std::vector<std::string> out;
  for (const ListedName& name : names) {
    out.emplace_back(name.name);
  }
  return out;
}

bool has_children(ListedNames& names, std::uint8_t section, std::string_view name) {
  const auto at = names.find(section, name);
  REQUIRE(at != names.end());
  return names.any_below(at, [](const ListedName&) { return true; });
}

}  // namespace

TEST_CASE("listed names: sections, INBOX, parents before children", "[list]") {
  ListedNames names('/');
  for (const char* const name : {"b", "a b", "a", "a/x", "a!", "inbox/y", "INBOX", "Z"}) {
    names.add(0, name);
  }
  names.add(3, "DELETED/x");
  names.add(1, "Other Users/fred");
  names.add(2, "A");
  names.settle();
  CHECK(names_of(names) == std::vector<std::string>{"INBOX", "inbox/y", "Z", "a", "a/x", "a b", "a!", "b",
                                                    "Other Users/fred", "A", "DELETED/x"});
  CHECK(has_children(names, 0, "a"));
  CHECK_FALSE(has_children(names, 0, "a b"));
  CHECK_FALSE(has_children(names, 0, "b"));
  CHECK(names.find(1, "A") == names.end());
}

TEST_CASE("listed names: a domain stands between a name and what is below it", "[list]") {
  ListedNames names('/');
  for (const char* const name : {"user/ted/a@d", "user/ted", "user/ted@d", "user/ted/a", "user/te"}) {
    names.add(1, name);
  }
  names.settle();
  CHECK(names_of(names) ==
        std::vector<std::string>{"user/te", "user/ted", "user/ted@d", "user/ted/a", "user/ted/a@d"});
  CHECK(has_children(names, 1, "user/ted"));
  CHECK_FALSE(has_children(names, 1, "user/te"));
  CHECK_FALSE(has_children(names, 1, "user/ted@d"));
}

TEST_CASE("listed names: what is added twice is one", "[list]") {
  ListedNames names('.');
  names.add(0, "b").subscribed = true;
  names.add(0, "a").exists = true;
  ListedName& again = names.add(0, "b");
  again.exists = again.own = true;
  again.entry = 7;
  names.settle();
  REQUIRE(names_of(names) == std::vector<std::string>{"a", "b"});
  const auto b = names.find(0, "b");
  CHECK((b->subscribed && b->exists && b->own && b->entry == 7));
  CHECK_FALSE(names.find(0, "a")->subscribed);
}

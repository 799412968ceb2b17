// Names written in one pass are those that the parts give.
#include <random>

#include "format/names/shown_names.h"
#include "tests/support/check.h"

using namespace cyr;
using namespace cyr::names;

namespace {

std::vector<Namespace> namespaces() {
  std::vector<Namespace> out;
  for (unsigned bits = 0; bits < 64; ++bits) {
    Namespace ns;
    ns.unixhierarchysep = (bits & 1U) != 0;
    ns.altnamespace = (bits & 2U) != 0;
    ns.virtdomains = (bits & 4U) != 0 ? VirtualDomains::userid : VirtualDomains::off;
    ns.release = (bits & 8U) != 0 ? conf::v2_5 : conf::v3_6;
    ns.crossdomains = (bits & 16U) != 0;
    if ((bits & 32U) != 0) {
      ns.defaultdomain = "d";
      ns.userprefix = "Other.Users";
      ns.altprefix = "";
    }
    out.push_back(ns);
  }
  return out;
}

ShownKind by_parts(std::string& out, std::string_view internal, const Namespace& ns, const UserId& who,
                   bool as_admin) {
  const auto name = MailboxName::from_internal(internal, ns);
  if (!name) {
    return ShownKind::hidden;
  }
  const auto shown = as_admin ? std::optional(name->to_admin(ns, who.domain)) : name->to_external(ns, who);
  if (!shown) {
    return ShownKind::hidden;
  }
  out = *shown;
  const bool own = name->is_user() && !who.empty() && name->user() == who;
  return name->is_deleted() ? ShownKind::deleted
         : own              ? ShownKind::own
         : name->is_user()  ? ShownKind::other
                            : ShownKind::shared;
}

void compare(std::string_view internal, const Namespace& ns, const UserId& who, bool as_admin) {
  std::string expected;
  const ShownKind kind = by_parts(expected, internal, ns, who, as_admin);
  std::string text = "before ";
  const ShownKind found = ShownNames(ns, who, as_admin).append(text, internal);
  if (found != kind || text != "before " + expected) {
    INFO(internal << " admin " << as_admin << " who " << who.text() << " sep " << ns.separator() << " alt "
                  << ns.altnamespace << " virt " << static_cast<int>(ns.virtdomains));
    CHECK(text == "before " + expected);
    CHECK(found == kind);
  }
}

const std::vector<UserId> people = {{"bovik", ""}, {"a.b", ""}, {"a^b", ""}, {"bovik", "d"}, {"", ""}};

}  // namespace

TEST_CASE("shown names: what is worth a look of its own", "[names]") {
  const char* const names[] = {"user",
                               "user.bovik",
                               "user.bovik.Sent",
                               "user.bovik.INBOX",
                               "user.bovik.inbox.a",
                               "user.bovik.Other Users",
                               "user.bovik.Other^Users",
                               "user.bovikx",
                               "user.a^b.c^d",
                               "user.fred.x",
                               "shared",
                               "shared.a^b",
                               "DELETED",
                               "DELETED.x",
                               "DELETED.user.bovik.x.5A5A5A5A",
                               "DELETED.user.bovik.x.5a5a",
                               "d!user.bovik.x",
                               "e!user.bovik",
                               "e!shared.x",
                               "!user.bovik",
                               ".!x",
                               "a/b!x",
                               "",
                               ".",
                               "a..b",
                               "a.",
                               ".a",
                               "a/b",
                               "user.",
                               "user..x"};
  for (const Namespace& ns : namespaces()) {
    for (const UserId& who : people) {
      for (const char* const name : names) {
        compare(name, ns, who, true);
        compare(name, ns, who, false);
      }
    }
  }
}

TEST_CASE("shown names: random ones", "[names]") {
  const std::vector<std::string> pieces = {"user", "bovik", "a^b", "INBOX", "DELETED",     ".",
                                           ".",    ".",     "!",   "d",     "Other Users", "/",
                                           "x",    "@",     "^",   "é",     "12",          "Shared Folders"};
  std::mt19937 random(20261127);
  const auto spaces = namespaces();
  for (int round = 0; round < 60000; ++round) {
    std::string name;
    for (unsigned count = random() % 8; count > 0; --count) {
      name += pieces[random() % pieces.size()];
    }
    compare(name, spaces[random() % spaces.size()], people[random() % people.size()], (random() & 1U) != 0);
  }
}

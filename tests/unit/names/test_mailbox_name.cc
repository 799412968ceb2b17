// The forms of a mailbox name, with the facts of store.md 2.1-2.6 that were seen on real Cyrus.
#include "format/names/mailbox_name.h"
#include "tests/support/check.h"

using namespace cyr;
using namespace cyr::names;

namespace {

Namespace unix_namespace() {
  Namespace ns;
  ns.defaultdomain = "internal";
  return ns;
}
Namespace dot_namespace() {
  Namespace ns = unix_namespace();
  ns.unixhierarchysep = false;
  ns.altnamespace = false;
  return ns;
}
Namespace domain_namespace() {
  Namespace ns = unix_namespace();
  ns.virtdomains = VirtualDomains::userid;
  ns.defaultdomain = "example.org";
  return ns;
}

MailboxName internal(std::string_view text, const Namespace& ns) {
  auto name = MailboxName::from_internal(text, ns);
  REQUIRE_OK(name);
  CHECK(name->to_internal(ns) == text);
  CHECK(MailboxName::from_dbname(name->to_dbname(ns), ns).value() == *name);
  return *name;
}

const UserId bovik{"bovik", ""};
const UserId fred{"fred", ""};

}  // namespace

TEST_CASE("mailbox name: internal and database form") {
  const Namespace ns = unix_namespace();
  const MailboxName dotted = internal("user.john^doe.a^b", ns);
  CHECK(dotted.localpart == "john.doe");
  CHECK(dotted.boxes == std::vector<std::string>{"a.b"});
  CHECK(dotted.to_dbname(ns) ==
        "user\x1Fjohn.doe\x1F"
        "a.b");

  const MailboxName domain = internal("dom.com!user.bovik", ns);
  CHECK(domain.domain == "dom.com");
  CHECK(domain.is_inbox());
  CHECK(domain.to_dbname(ns) ==
        "dom.com\x1Duser\x1F"
        "bovik");

  const MailboxName deleted = internal("DELETED.user.fred.6B028608", ns);
  CHECK(deleted.deleted == 0x6B028608U);
  CHECK(deleted.localpart == "fred");
  CHECK_FALSE(deleted.is_inbox());
  CHECK(deleted.to_dbname(ns) ==
        "DELETED\x1Fuser\x1F"
        "fred\x1F"
        "6B028608");

  CHECK(internal("dom.com!DELETED.user.bovik.work.6B028608", ns).boxes == std::vector<std::string>{"work"});
  CHECK_FALSE(internal("comp.mail", ns).is_user());
  CHECK_FALSE(internal("user", ns).is_user());
  CHECK(MailboxName::from_internal("internal!user.x", ns).value() == internal("user.x", ns));
}

TEST_CASE("mailbox name: below DELETED only a stamp as Cyrus writes it is one") {
  const Namespace ns = unix_namespace();
  for (const char* text :
       {"DELETED.user.fred.6b028608", "DELETED.user.fred.0", "DELETED.user.fred.work",
        "DELETED.user.fred.06B028608", "DELETED.6B028608", "DELETED.user.fred.FFFFFFFFFFFFFFFFF"}) {
    INFO(text);
    CHECK_FALSE(internal(text, ns).is_deleted());
  }
  CHECK(internal("DELETED.doomed.6B028E96", ns).is_deleted());
}

TEST_CASE("mailbox name: what is no name") {
  const Namespace ns = unix_namespace();
  using namespace std::string_view_literals;
  for (const auto text : {""sv, "a..b"sv, ".a"sv, "a."sv, "!user.x"sv, "dom!"sv, "user.a/b"sv, "user.a\0b"sv,
                          "d/m!user.x"sv, "..!user.x"sv, "user.^^/^^/etc"sv}) {
    INFO(text);
    const auto name = MailboxName::from_internal(text, ns);
    REQUIRE_FALSE(name.has_value());
    CHECK(name.error().code == Errc::invalid);
  }
  for (const auto text :
       {""sv, "\x1F"sv, "user\x1F"sv, "\x1Duser"sv, "user\x1F\x1Fx"sv, "user\x1F../../x"sv}) {
    CHECK_FALSE(MailboxName::from_dbname(text, ns).has_value());
  }
}

TEST_CASE("mailbox name: before 3.0 an exclamation mark is a domain only with virtual domains") {
  Namespace ns = dot_namespace();
  ns.release = conf::v2_4;
  CHECK(internal("dom!user.x", ns).domain.empty());
  ns.virtdomains = VirtualDomains::on;
  CHECK(internal("dom!user.x", ns).domain == "dom");
}

TEST_CASE("mailbox name: the administrator's namespace") {
  const Namespace ns = unix_namespace();
  const auto admin = [](std::string_view text, const Namespace& with) {
    const auto name = MailboxName::from_admin(text, with);
    REQUIRE_OK(name);
    CHECK(name->to_admin(with) == text);
    return name->to_internal(with);
  };
  CHECK(admin("user/bovik/work", ns) == "user.bovik.work");
  CHECK(admin("user/john.doe/a.b", ns) == "user.john^doe.a^b");
  CHECK(admin("DELETED/user/bovik/work/6B028608", ns) == "DELETED.user.bovik.work.6B028608");
  CHECK(admin("user/a@b", ns) == "user.a@b");
  CHECK(admin("user.john^doe.a", dot_namespace()) == "user.john^doe.a");
  CHECK(admin("user/bovik/work@dom.com", domain_namespace()) == "dom.com!user.bovik.work");
  CHECK(admin("user/a@b@dom.com", domain_namespace()) == "dom.com!user.a@b");
  CHECK(admin("user/bovik", domain_namespace()) == "user.bovik");
  CHECK(MailboxName::from_admin("user/x@example.org", domain_namespace()).value().domain.empty());
  CHECK(MailboxName::from_admin("user/x", domain_namespace(), "dom.com").value().domain == "dom.com");
  for (const char* text : {"user//x", "/x", "x/", "", "user/a^b"}) {
    CHECK_FALSE(MailboxName::from_admin(text, ns).has_value());
  }
  for (const char* text : {"user..x", "user.a/b", ".x"}) {
    CHECK_FALSE(MailboxName::from_admin(text, dot_namespace()).has_value());
  }
  CHECK_FALSE(MailboxName::from_admin("user/x@", domain_namespace()).has_value());
}

TEST_CASE("mailbox name: a user's standard namespace") {
  Namespace ns = dot_namespace();
  const auto both = [&](std::string_view external, std::string_view text) {
    CHECK(MailboxName::from_external(external, ns, bovik).value().to_internal(ns) == text);
    CHECK(internal(text, ns).to_external(ns, bovik) == external);
  };
  both("INBOX", "user.bovik");
  both("INBOX.work.a^b", "user.bovik.work.a^b");
  both("user.fred.x", "user.fred.x");
  both("shared.y", "shared.y");
  CHECK(MailboxName::from_external("inbox.Work", ns, bovik).value().to_internal(ns) == "user.bovik.Work");
  CHECK_FALSE(internal("DELETED.user.bovik.6B028608", ns).to_external(ns, bovik).has_value());
  CHECK_FALSE(internal("dom!user.bovik", ns).to_external(ns, bovik).has_value());
}

TEST_CASE("mailbox name: the alternate namespace") {
  const Namespace ns = unix_namespace();
  const auto both = [&](std::string_view external, std::string_view text) {
    INFO(external);
    CHECK(MailboxName::from_external(external, ns, bovik).value().to_internal(ns) == text);
    CHECK(internal(text, ns).to_external(ns, bovik) == external);
  };
  both("INBOX", "user.bovik");
  both("work", "user.bovik.work");
  both("foo.bar/baz", "user.bovik.foo^bar.baz");
  both("INBOX/sub", "user.bovik.INBOX.sub");
  both("Alt Folders/INBOX", "user.bovik.INBOX");
  both("Alt Folders/inbox", "user.bovik.inbox");
  both("Alt Folders/Inbox/x", "user.bovik.Inbox.x");
  both("Alt Folders/Other Users/x", "user.bovik.Other Users.x");
  both("Alt Folders/Shared Folders", "user.bovik.Shared Folders");
  both("Alt Folders/Alt Folders", "user.bovik.Alt Folders");
  both("Other Users/fred/x", "user.fred.x");
  both("Shared Folders/name/y", "name.y");
  both("Other Users", "user");
  CHECK(MailboxName::from_external("iNbOx", ns, bovik).value().is_inbox());
  CHECK(MailboxName::from_external("inbox/x", ns, bovik).value().to_internal(ns) == "user.bovik.INBOX.x");
  CHECK_FALSE(internal("DELETED.user.bovik.6B028608", ns).to_external(ns, bovik).has_value());
  CHECK_FALSE(MailboxName::from_external("Shared Folders", ns, bovik).has_value());
  Namespace old = ns;
  old.altprefix.clear();
  CHECK_FALSE(internal("user.bovik.INBOX", old).to_external(old, bovik).has_value());
}

TEST_CASE("mailbox name: other domains are seen with crossdomains only") {
  Namespace ns = domain_namespace();
  const MailboxName other = internal("user.fred", ns);
  const UserId leena{"leena", "dom.com"};
  CHECK_FALSE(other.to_external(ns, leena).has_value());
  ns.crossdomains = true;
  CHECK(other.to_external(ns, leena) == "Other Users/fred@example.org");
  CHECK(internal("dom.com!Shared.x", ns).to_external(ns, fred) == "Shared Folders/Shared@dom.com/x");
  CHECK(MailboxName::from_external("Other Users/fred@example.org/x", ns, leena).value().to_internal(ns) ==
        "user.fred.x");
  CHECK(MailboxName::from_external("Shared Folders/Shared@dom.com", ns, fred).value().to_internal(ns) ==
        "dom.com!Shared");
  ns.crossdomains_onlyother = true;
  CHECK(internal("dom.com!Shared", ns).to_external(ns, leena) == "Shared Folders/Shared");
  CHECK(other.to_external(ns, leena) == "Other Users/fred@example.org");
}

TEST_CASE("mailbox name: family") {
  const Namespace ns = unix_namespace();
  CHECK(internal("user.bovik.a.b", ns).parent() == internal("user.bovik.a", ns));
  CHECK(internal("user.bovik.a", ns).parent() == internal("user.bovik", ns));
  CHECK_FALSE(internal("user.bovik", ns).parent().has_value());
  CHECK_FALSE(internal("shared", ns).parent().has_value());
  CHECK(internal("user.bovik.a.b", ns).is_below(internal("user.bovik", ns)));
  CHECK_FALSE(internal("user.bovik2", ns).is_below(internal("user.bovik", ns)));
  CHECK_FALSE(internal("user.bovik", ns).is_below(internal("user.bovik", ns)));
  CHECK(MailboxName::inbox_of(bovik) == internal("user.bovik", ns));
}

TEST_CASE("user id") {
  const Namespace off = unix_namespace();
  const Namespace on = domain_namespace();
  CHECK(UserId::parse("a@dom.com", off) == UserId{"a@dom.com", ""});
  CHECK(UserId::parse("a@dom.com", on) == UserId{"a", "dom.com"});
  CHECK(UserId::parse("a@b@dom.com", on) == UserId{"a@b", "dom.com"});
  CHECK(UserId::parse("a@example.org", on) == UserId{"a", ""});
  CHECK(UserId{"a", "dom.com"}.text() == "a@dom.com");
  CHECK(UserId{"a", ""}.text() == "a");
}

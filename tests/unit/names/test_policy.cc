// Names that may be created, patterns, orders, hashes: the facts of store.md 2.2, 2.7 and 2.9.
#include <algorithm>

#include "format/names/mailbox_name.h"
#include "tests/support/check.h"

using namespace cyr;
using namespace cyr::names;

namespace {

Namespace with_release(conf::Release release) {
  Namespace ns;
  ns.release = release;
  return ns;
}
bool allowed(std::string_view name, const Namespace& ns) { return check_policy(name, ns).has_value(); }

}  // namespace

TEST_CASE("policy: characters of 3.6") {
  const Namespace ns = with_release(conf::v3_6);
  for (const char c : std::string_view(" #$'()*+,-.:=?@[]^_~abcXYZ019")) {
    INFO(c);
    CHECK(allowed(std::string("user.b.x") + c + 'y', ns));
  }
  for (const char c : std::string_view("!\"%&/;<>\\`{|}\x01\t\n\x7F\x80\xFF")) {
    INFO(static_cast<int>(c));
    CHECK_FALSE(allowed(std::string("user.b.x") + c + 'y', ns));
  }
}

TEST_CASE("policy: shapes") {
  const Namespace ns = with_release(conf::v3_6);
  for (const char* name : {"", ".x", "~x", "x.", "a..b", "user", "user.anyone", "user.anonymous", "user.%x",
                           "$x", "user.a.&AGE-", "user.a.&AOQ-&AOQ-", "user.a.&AOQ", "dom!user.x"}) {
    INFO(name);
    CHECK_FALSE(allowed(name, ns));
  }
  for (const char* name :
       {"user.a.&AOQ-x", "user.a.R&-D", "users", "user.anyone2", "user.a.~x", "user.a.&2D3eAA-"}) {
    INFO(name);
    CHECK(allowed(name, ns));
  }
  CHECK(allowed(std::string(490, 'x'), ns));
  CHECK_FALSE(allowed(std::string(491, 'x'), ns));
  CHECK(allowed("DELETED.user.b.\"x", ns));
  Namespace domains = ns;
  domains.virtdomains = VirtualDomains::userid;
  CHECK(allowed("dom!user.x", domains));
  CHECK(allowed("dom!user.x!y", domains));
  CHECK_FALSE(allowed("dom!user.x\"", domains));
}

TEST_CASE("policy: older releases") {
  CHECK_FALSE(allowed("a#b", with_release(conf::v2_2)));
  CHECK(allowed("a#b", with_release(conf::v2_4)));
  CHECK_FALSE(allowed("a(b", with_release(conf::v2_5)));
  CHECK(allowed("a(b", with_release(conf::v3_0)));
  CHECK_FALSE(allowed("a.&2D3eAA-", with_release(conf::v3_0)));
  CHECK_FALSE(allowed("user.x.INBOX.INBOX", with_release(conf::v2_4)));
  CHECK(allowed("user.x.INBOX.INBOX", with_release(conf::v2_5)));
  CHECK(allowed("user.anyone", with_release(conf::v2_3)));
  CHECK_FALSE(allowed("DELETED.x\"", with_release(conf::v2_3)));
  Namespace dots = with_release(conf::v2_2);
  CHECK(allowed("user.john^doe", dots));
  dots.unixhierarchysep = false;
  CHECK_FALSE(allowed("user.john^doe", dots));
}

TEST_CASE("patterns") {
  CHECK(matches("*", "", '.'));
  CHECK(matches("*", "user.a.b", '.'));
  CHECK(matches("%", "user", '.'));
  CHECK_FALSE(matches("%", "user.a", '.'));
  CHECK(matches("user.%", "user.a", '.'));
  CHECK_FALSE(matches("user.%", "user.a.b", '.'));
  CHECK(matches("user.%.b", "user.a.b", '.'));
  CHECK(matches("user/%", "user/a.b", '/'));
  CHECK(matches("*.%x", "a.b.cx", '.'));
  CHECK(matches("*%", "a.b", '.'));
  CHECK(matches("%*", "a.b", '.'));
  CHECK(matches("a*b*c", "aXbXbXc", '.'));
  CHECK(matches("%a%b", "xaab", '.'));
  CHECK(matches("%.%.c", "a.b.c", '.'));
  CHECK_FALSE(matches("%.%.c", "a.b.b.c", '.'));
  CHECK(matches("*%.c", "a.b.b.c", '.'));
  CHECK_FALSE(matches("a", "ab", '.'));
  CHECK_FALSE(matches("ab", "a", '.'));
  CHECK_FALSE(matches("", "a", '.'));
  // Many wildcards against a long name end soon.
  CHECK_FALSE(matches("*a*a*a*a*a*a*a*a*a*a*b", std::string(20000, 'a'), '.'));
}

TEST_CASE("patterns: same answers as trying every split") {
  // The plain definition, exponential, for short texts.
  struct Slow {
    static bool match(std::string_view p, std::string_view n) {
      if (p.empty()) {
        return n.empty();
      }
      if (p[0] == '*' || p[0] == '%') {
        for (std::size_t i = 0; i <= n.size(); ++i) {
          if (match(p.substr(1), n.substr(i))) {
            return true;
          }
          if (i < n.size() && p[0] == '%' && n[i] == '.') {
            return false;
          }
        }
        return false;
      }
      return !n.empty() && p[0] == n[0] && match(p.substr(1), n.substr(1));
    }
  };
  const std::string_view pattern_letters = "ab.*%";
  const std::string_view name_letters = "ab.";
  unsigned agree = 0;
  for (unsigned seed = 0; seed < 60000; ++seed) {
    std::string pattern;
    std::string name;
    unsigned bits = seed * 2654435761U;
    for (unsigned i = 0; i < 2 + seed % 5; ++i, bits = bits * 1103515245U + 12345U) {
      pattern += pattern_letters[(bits >> 16) % 5];
    }
    for (unsigned i = 0; i < seed % 8; ++i, bits = bits * 1103515245U + 12345U) {
      name += name_letters[(bits >> 16) % 3];
    }
    INFO(pattern << " against " << name);
    REQUIRE(matches(pattern, name, '.') == Slow::match(pattern, name));
    ++agree;
  }
  CHECK(agree == 60000);
}

TEST_CASE("orders of names") {
  std::vector<std::string> names{"a b", "a", "a.b", "a-b", "a.b.c"};
  std::sort(names.begin(), names.end(), [](const auto& x, const auto& y) { return compare_mbox(x, y) < 0; });
  CHECK(names == std::vector<std::string>{"a", "a.b", "a.b.c", "a b", "a-b"});
  std::sort(names.begin(), names.end(), [](const auto& x, const auto& y) { return compare_raw(x, y) < 0; });
  CHECK(names == std::vector<std::string>{"a", "a b", "a-b", "a.b", "a.b.c"});
  CHECK(compare_raw("\xFF", "a") > 0);
  CHECK(compare_mbox("\x01", "\t") > 0);
  CHECK(compare_mbox("a\t", "a\n") == 0);
  CHECK(compare_mbox("a", "a") == 0);
}

TEST_CASE("hash letters") {
  CHECK(hash_letter("bovik", true) == 'W');
  CHECK(hash_letter("Zed", true) == 'L');
  CHECK(hash_letter("1user", true) == 'W');
  CHECK(hash_letter("Shared", true) == 'W');
  CHECK(hash_letter("sub", true) == 'O');
  CHECK(hash_letter("user", true) == 'C');
  CHECK(hash_letter("john", true) == 'K');
  CHECK(hash_letter("john.doe", true) == 'K');
  CHECK(hash_letter("john^doe", true) == 'B');
  CHECK(hash_letter("Zed", false) == 'z');
  CHECK(hash_letter("1user", false) == 'q');
  CHECK(hash_letter("", false) == 'q');
}

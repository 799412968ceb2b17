// Rights and ACLs with what real 3.6.1 stored for what was typed (store.md 4).
#include "format/acl/acl.h"
#include "tests/support/check.h"

using namespace cyr;
using namespace cyr::acl;

namespace {

std::string canonical(std::string_view letters, const Dialect& dialect = {}) {
  return Rights::parse(letters, dialect).print(dialect);
}

constexpr Dialect old_letters{Letters::rfc2086, 'c'};

}  // namespace

TEST_CASE("rights: canonical letters") {
  CHECK(Rights::all().print() == "lrswipkxtecdan");
  CHECK(canonical("lrc") == "lrkxc");
  CHECK(canonical("lrd") == "lrted");
  CHECK(canonical("lrcd0159") == "lrkxtecd0159");
  CHECK(canonical("lx") == "lxc");
  CHECK(canonical("lrkc") == "lrkc");
  CHECK(canonical("lrtd") == "lrtd");
  CHECK(canonical("c") == "kxc");
  CHECK(canonical("d") == "ted");
  CHECK(canonical("lrxc") == "lrxc");
  CHECK(canonical("") == "");
  CHECK(canonical("all") == "la");
  CHECK(canonical("lrswipcda") == "lrswipkxtecda");
  CHECK(canonical("nadcetxkpiwsrl") == "lrswipkxtecdan");
  CHECK(canonical("9876543210") == "0123456789");
  CHECK(canonical("lqz!") == "l");
}

TEST_CASE("rights: deleteright") {
  const Dialect with_d{Letters::rfc4314_annotate, 'd'};
  CHECK(canonical("d", with_d) == "xted");
  CHECK(canonical("c", with_d) == "kc");
  CHECK(canonical("x", with_d) == "xd");
  const Dialect with_a{Letters::rfc4314_annotate, 'a'};
  CHECK(canonical("a", with_a) == "xa");
  CHECK(canonical("c", with_a) == "kc");
}

TEST_CASE("rights: older letters") {
  CHECK(Rights::all(old_letters).print(old_letters) == "lrswipcda");
  CHECK(canonical("lrswipcda", old_letters) == "lrswipcda");
  CHECK(canonical("lrkxt", old_letters) == "lr");
  const Dialect no_n{Letters::rfc4314, 'c'};
  CHECK(Rights::all(no_n).print(no_n) == "lrswipkxtecda");
  CHECK(canonical("ln", no_n) == "l");
}

TEST_CASE("rights: input with an unknown letter") {
  const auto bad = Rights::parse_strict("lq");
  REQUIRE_FALSE(bad.has_value());
  CHECK(bad.error().what == "The q right is not supported");
  CHECK(Rights::parse_strict("lrswipckxtedan0123456789").has_value());
  CHECK_FALSE(Rights::parse_strict("n", {Letters::rfc4314, 'c'}).has_value());
}

TEST_CASE("acl: text form is kept byte for byte") {
  for (const std::string_view text :
       {"", "bovik\tlrswipkxtecdan\t", "anyone\tlrs\t-fred\tlrswip\tgroup:staff\tlrswipcda\tcyrus\tq9\t"}) {
    const auto acl = Acl::parse_strict(text);
    REQUIRE_OK(acl);
    CHECK(acl->print() == text);
  }
  CHECK(Acl::parse("a\tlr\tb\tl").print() == "a\tlr\t");
  CHECK(Acl::parse_strict("a\tlr\tb\tl").error().offset == 5U);
  CHECK_FALSE(Acl::parse_strict("\tlr\t").has_value());
}

TEST_CASE("acl: changing an entry") {
  Acl acl = Acl::parse("anyone\tlrs\tfred\tlrswipcda\t");
  CHECK(acl.apply("fred", "lr").value() == Rights::parse("lr"));
  CHECK(acl.print() == "anyone\tlrs\tfred\tlr\t");
  CHECK(acl.apply("leena", "+cd").has_value());
  CHECK(acl.apply("anyone", "-s").has_value());
  CHECK(acl.print() == "anyone\tlr\tfred\tlr\tleena\tkxtecd\t");
  CHECK(acl.apply("fred", "").has_value());
  CHECK(acl.apply("leena", "-cd").value().empty());
  CHECK(acl.print() == "anyone\tlr\t");
  CHECK_FALSE(acl.apply("anyone", "+q").has_value());
  CHECK_FALSE(acl.apply("", "l").has_value());
  CHECK_FALSE(acl.apply("a\tb", "l").has_value());
  CHECK(acl.print() == "anyone\tlr\t");
}

TEST_CASE("acl: evaluating") {
  const Acl acl = Acl::parse("anyone\tlrsp\tfred\tlwi\t-anonymous\ts\t");
  const auto of = [&](std::string_view user) {
    const IsMember is_member = [&](std::string_view id) { return id == "anyone" || id == user; };
    // In place, too; what follows the last complete entry does not count.
    CHECK(rights_in(acl.print() + "anyone\ta", is_member) == acl.rights(is_member));
    return acl.rights(is_member).print();
  };
  CHECK(of("fred") == "lrswip");
  CHECK(of("anonymous") == "lrp");
  CHECK(of("leena") == "lrsp");
}

TEST_CASE("acl: compared by set") {
  const Acl old = Acl::parse("bovik\tlrswipcda\tanyone\tp\t");
  CHECK(old.same_rights(Acl::parse("anyone\tp\tbovik\tlrswipkxtecda\t")));
  CHECK_FALSE(old.same_rights(Acl::parse("anyone\tp\tbovik\tlrswipkxtecdan\t")));
  CHECK_FALSE(old.same_rights(Acl::parse("bovik\tlrswipcda\t")));
  CHECK(Acl::parse("a\tl\ta\tr\t").same_rights(Acl::parse("a\tlr\t")));
  CHECK(Acl::parse("a\tl\tb\t\t").same_rights(Acl::parse("a\tl\t")));
  CHECK_FALSE(old == Acl::parse("anyone\tp\tbovik\tlrswipcda\t"));
}

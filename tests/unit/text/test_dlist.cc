// dlist against what real Cyrus wrote: every mailboxes.db value of every store, and the examples of
// store.md 3.4, 3.5.
#include <fstream>

#include "format/text/dlist.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"

using namespace cyr;
using namespace cyr::text;

namespace {

// Counted over the golden listings of all stores of 2.5 and later; the quoted ones are those of 3.12.
constexpr std::size_t expected_records = 3624;
constexpr std::size_t expected_quoted_us = 137;

std::string round_trip(std::string_view text) {
  const auto item = parse_dlist(text);
  REQUIRE_OK(item);
  return print_dlist(*item, style_of(*item));
}

std::string rejected(std::string_view text) {
  const auto item = parse_dlist(text);
  REQUIRE_FALSE(item.has_value());
  CHECK(item.error().code == Errc::corrupt);
  REQUIRE(item.error().offset.has_value());
  CHECK(*item.error().offset <= text.size());
  return item.error().what;
}

std::string nested(std::size_t depth) { return std::string(depth, '(') + std::string(depth, ')'); }

}  // namespace

TEST_CASE("dlist: every mailboxes.db value of every store serialises to its own bytes") {
  std::size_t records = 0;
  std::size_t quoted_us = 0;
  for (const std::string& name : test::all_stores()) {
    const test::TempDir directory;
    test::unpack_archive(test::data_file("stores/" + name + ".golden.tar.zst"), directory.path());
    for (const char* kind : {"twoskip", "skiplist"}) {
      const fs::path file = directory / ("intact/db/config%mailboxes.db." + std::string(kind) + ".txt");
      std::ifstream in(file.string());
      for (std::string line; std::getline(in, line);) {
        const auto tab = line.find('\t');
        if (tab == std::string::npos || line.compare(tab + 1, 2, "%(") != 0) {
          continue;  // text values of 2.x
        }
        const std::string value = line.substr(tab + 1);
        INFO(name << ": " << line);
        const auto item = parse_dlist(value);
        REQUIRE_OK(item);
        const DlistStyle style = style_of(*item);
        quoted_us += style.us_is_atom ? 0 : 1;
        REQUIRE(print_dlist(*item, style) == value);
        REQUIRE(item->find("M") != nullptr);
        ++records;
      }
    }
  }
  CHECK(records == expected_records);
  CHECK(quoted_us == expected_quoted_us);
}

TEST_CASE("dlist: fields of a record") {
  const auto item = parse_dlist(
      "%(T e N user\x1F"
      "bovik\x1Fnew2 P default V 1795327191 C 1 F 3 M 1795327223 A %(bovik lrswipkxtecdan) "
      "H (%(N user\x1F"
      "bovik\x1Fnew M 1795327223 V 1795327191 C 1 F 2 T ed)))");
  REQUIRE_OK(item);
  CHECK(item->string_at("T") == "e");
  CHECK(item->string_at("N") ==
        "user\x1F"
        "bovik\x1Fnew2");
  CHECK(item->number_at("V") == 1795327191U);
  CHECK_FALSE(item->number_at("P").has_value());
  CHECK_FALSE(item->string_at("A").has_value());
  REQUIRE(item->find("A") != nullptr);
  CHECK(item->find("A")->string_at("bovik") == "lrswipkxtecdan");
  REQUIRE(item->find("H")->items.size() == 1);
  CHECK(item->find("H")->items[0].string_at("T") == "ed");
  CHECK(item->find("X") == nullptr);
}

TEST_CASE("dlist: a plain map is read in place as the tree has it") {
  const auto plain = PlainMap::read("%(T e I 5(x ZZ %() P a)b A %(anyone lr a%b p) V 0012)");
  REQUIRE(plain.has_value());
  CHECK(plain->find('I')->value == "5(x");
  CHECK(plain->find('P')->value == "a)b");
  CHECK(plain->find('V')->value == "0012");
  CHECK(plain->find('Z') == nullptr);
  std::string pairs;
  REQUIRE(plain->find('A')->is_map);
  PlainMap::for_each_pair(*plain->find('A'), [&](std::string_view key, std::string_view value) {
    pairs.append(key).append("=").append(value).append(";");
  });
  CHECK(pairs == "anyone=lr;a%b=p;");
  CHECK(PlainMap::read("%()").has_value());
  CHECK(PlainMap::read("%(A 1 A 2)")->find('A')->value == "1");
  for (const char* const other : {"",
                                  "%",
                                  "%(",
                                  "(a b)",
                                  "%(a)",
                                  "%(a b",
                                  "%(a b))",
                                  "%(a  b)",
                                  "%(a b )",
                                  "%( a b)",
                                  "%(a \"b\")",
                                  "%(a {1+}\r\nb)",
                                  "%(a NIL)",
                                  "%(NIL a)",
                                  "%(a (b))",
                                  "%(a %(b (c)))",
                                  "%(a %(b %(c d)))",
                                  "%(a %b)",
                                  "%(a b) ",
                                  "%(a b c)",
                                  "%(a %(b c)d e)",
                                  "%(a 1 b 2 c 3 d 4 e 5 f 6 g 7 h 8 i 9 j 0 k 1 l 2 m 3)"}) {
    INFO(other);
    CHECK_FALSE(PlainMap::read(other).has_value());
  }
}

TEST_CASE("dlist: how strings are written") {
  const auto written = [](std::string_view text) { return print_dlist(Item::string(text)); };
  CHECK(written("") == "\"\"");
  CHECK(written("NIL") == "\"NIL\"");
  CHECK(written("nil") == "nil");
  CHECK(written("a b") == "\"a b\"");
  CHECK(written("a}b[c]") == "a}b[c]");
  CHECK(written("dom.com\x1Duser\x1F"
                "bovik") ==
        "\"dom.com\x1Duser\x1F"
        "bovik\"");
  CHECK(written("p\\q") == "{3+}\r\np\\q");
  CHECK(written("100%") == "{4+}\r\n100%");
  CHECK(written("\xC3\xA9") == "{2+}\r\n\xC3\xA9");
  CHECK(written(std::string(1023, 'x')) == std::string(1023, 'x'));
  CHECK(written(std::string(1024, 'x')) == "{1024+}\r\n" + std::string(1024, 'x'));
  CHECK(print_dlist(Item::nil()) == "NIL");
  CHECK(print_dlist(Item::number(UINT64_MAX)) == "18446744073709551615");
  CHECK(print_dlist(Item::string("user\x1Fx"), {.us_is_atom = false}) == "\"user\x1Fx\"");
  CHECK(print_dlist(Item::string("p\\q"), {.plus_literals = false}) == "{3}\r\np\\q");
}

TEST_CASE("dlist: what was read comes out the same") {
  for (const std::string_view text :
       {"%()", "()", "%(A %())", "NIL", "\"\"", "%(S (414 1000) M (2 50) AS (7) NF (12) MODSEQ 16)",
        "%(A %(nil lr {3+}\r\np\\q lrs \"a b\" l))", "%(A %(group:mail lrswipkxtecd -anonymous s))",
        "%(N \"user\x1F"
        "bovik\")",
        "%(A %({3}\r\np\\q lrs))"}) {
    CHECK(round_trip(text) == text);
  }
}

TEST_CASE("dlist: the language of the loose reader") {
  const auto quota = parse_dlist("  %( S  (1  2) M (3) )  ");
  REQUIRE_OK(quota);
  CHECK(print_dlist(*quota) == "%(S (1 2) M (3))");
  const auto escaped = parse_dlist("(\"a\\\"b\")");
  REQUIRE_OK(escaped);
  CHECK(escaped->items[0].text == "a\"b");
}

TEST_CASE("dlist: damaged text is refused with the offset") {
  CHECK(rejected("") == "dlist: a value is missing");
  CHECK(rejected("%(T e") == "dlist: ')' is missing");
  CHECK(rejected("%(T e P)") == "dlist: a space or ')' is missing");
  CHECK(rejected("%(T)") == "dlist: a space or ')' is missing");
  CHECK(rejected("%T e)") == "dlist: '(' is missing after '%'");
  CHECK(rejected("(\"abc") == "dlist: a quoted string has no end");
  CHECK(rejected("(\"abc\\") == "dlist: a quoted string has no end");
  CHECK(rejected("({5+}\r\nab)") == "dlist: a literal is longer than the text");
  CHECK(rejected("({4294967296}\r\nab)") == "dlist: a literal's length is no number");
  CHECK(rejected("({99999999999999999999}\r\nab)") == "dlist: a literal's length has no '}'");
  CHECK(rejected("({-1}\r\nab)") == "dlist: a literal's length is no number");
  CHECK(rejected("({2}ab)") == "dlist: CR LF is missing after a literal's length");
  CHECK(rejected("%(T e) x") == "dlist: more bytes after the end of the value");
  CHECK(rejected(nested(5000)) == "dlist: lists are nested too deeply");
  CHECK(parse_dlist(nested(Item::max_depth + 1)).has_value());
}

TEST_CASE("dlist: changing a map keeps the order") {
  auto item = parse_dlist("%(T e P default M 1)");
  REQUIRE_OK(item);
  item->set("P", Item::string("two"));
  item->set("A", Item::map()).add("bovik", Item::string("lrs"));
  item->erase("M");
  CHECK(print_dlist(*item) == "%(T e P two A %(bovik lrs))");
  auto same = parse_dlist("%(T \"e\" P {3}\r\ntwo A %(bovik lrs))");
  REQUIRE_OK(same);
  CHECK(*same == *item);
}

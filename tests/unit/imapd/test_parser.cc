// The command parser: grammar of RFC 3501 9, literals of RFC 7888, and what is refused.
#include "server-min/imapd/fetch_items.h"
#include "server-min/imapd/parser.h"
#include "server-min/imapd/search_program.h"
#include "tests/support/check.h"
#include "tests/unit/imapd/command_source.h"

using namespace cyr;
using namespace cyr::imapd;
using cyr::test::StringSource;

namespace {

struct Fixture {
  explicit Fixture(std::string bytes, ParserLimits limits = {})
      : source(std::move(bytes)), parser(source, limits) {
    REQUIRE(parser.begin());
    parser.set_command("Test");
  }
  StringSource source;
  CommandParser parser;
};

std::string error_of(const Status& status) { return status ? "" : status.error().what; }
template <class T>
std::string error_of(const Result<T>& result) {
  return result ? "" : result.error().what;
}

}  // namespace

TEST_CASE("strings of a command come as atoms, quoted strings and literals") {
  Fixture f("INBOX \"a \\\"b\\\\\" {5}\r\nhello {3+}\r\nx\r\n NIL \"NIL\"\r\n");
  CHECK(f.parser.astring().value() == "INBOX");
  REQUIRE(f.parser.space());
  CHECK(f.parser.astring().value() == "a \"b\\");
  REQUIRE(f.parser.space());
  CHECK(f.parser.astring().value() == "hello");
  CHECK(f.source.went_ahead() == "+ go ahead\n");
  REQUIRE(f.parser.space());
  CHECK(f.parser.astring().value() == "x\r\n");
  CHECK(f.source.went_ahead() == "+ go ahead\n");  // {3+} is not asked for
  REQUIRE(f.parser.space());
  CHECK_FALSE(f.parser.nstring().value().has_value());
  REQUIRE(f.parser.space());
  CHECK(f.parser.nstring().value() == "NIL");
  CHECK(f.parser.end());
}

TEST_CASE("a missing and a superfluous argument are named as Cyrus does") {
  Fixture f("x");
  CHECK(f.parser.astring().value() == "x");
  CHECK(error_of(f.parser.space()) == "Missing required argument to Test");
  Fixture g(" x y");
  REQUIRE(g.parser.space());
  CHECK(g.parser.atom().value() == "x");
  CHECK(error_of(g.parser.end()) == "Unexpected extra arguments to Test");
}

TEST_CASE("what is refused is read to its end, so that the next command starts where it should") {
  ParserLimits limits;
  limits.literal = 4;
  Fixture f("{6+}\r\nabcdef {2+}\r\nxy rest\r\na2 NOOP\r\n", limits);
  CHECK(error_of(f.parser.astring()) == "[TOOBIG] Literal too large in Test");
  REQUIRE(f.parser.finish());
  REQUIRE(f.parser.begin());
  CHECK(f.parser.tag().value() == "a2");
}

TEST_CASE("a literal that is refused and would have been asked for is not read") {
  ParserLimits limits;
  limits.literal = 4;
  Fixture f("{6}\r\na2 NOOP\r\n", limits);
  CHECK_FALSE(f.parser.astring());
  CHECK(f.source.went_ahead().empty());
  REQUIRE(f.parser.finish());
  REQUIRE(f.parser.begin());
  CHECK(f.parser.tag().value() == "a2");
}

TEST_CASE("LITERAL- takes non-synchronizing literals up to 4096 octets") {
  ParserLimits limits;
  limits.literal_minus = true;
  Fixture f("{4097+}\r\n" + std::string(4097, 'x') + "\r\nnext\r\n", limits);
  CHECK_FALSE(f.parser.astring());
  REQUIRE(f.parser.finish());
  REQUIRE(f.parser.begin());
  CHECK(f.parser.tag().value() == "next");
}

TEST_CASE("sequence sets keep the star until the mailbox is known") {
  const auto ranges = parse_sequence("2,4:7,9,12:*").value();
  CHECK(resolve_sequence(ranges, 15).print() == "2,4:7,9,12:15");
  CHECK(resolve_sequence(ranges, 10).print() == "2,4:7,9:12");  // 12:* is 10:12
  CHECK(resolve_sequence(parse_sequence("*").value(), 0).empty());
  CHECK(resolve_sequence(parse_sequence("0").value(), 9).empty());
  CHECK(resolve_sequence(parse_sequence("*:4").value(), 7).print() == "4:7");
  for (const char* bad : {"", ",", "1,", "1:", ":2", "a", "1:2:3", "4294967296", "-1", "1 "}) {
    INFO(bad);
    CHECK_FALSE(parse_sequence(bad));
  }
}

TEST_CASE("FETCH items of RFC 3501 and its examples") {
  Fixture f("(FLAGS BODY.PEEK[1.2.HEADER.FIELDS (Date From)]<0.2048> BINARY[1] ENVELOPE)");
  const FetchRequest request = parse_fetch(f.parser).value();
  CHECK(request.has(FetchItem::flags));
  CHECK(request.has(FetchItem::envelope));
  CHECK_FALSE(request.has(FetchItem::uid));
  CHECK(request.set_seen);  // by BINARY[1]
  REQUIRE(request.bodies.size() == 2);
  CHECK(print_section(request.bodies[0].section) == "1.2.HEADER.FIELDS (Date From)");
  CHECK(request.bodies[0].start == 0U);
  CHECK(request.bodies[0].count == 2048);
  CHECK(request.bodies[1].form == BodyForm::binary);

  Fixture full("FULL");
  const FetchRequest macro = parse_fetch(full.parser).value();
  CHECK(macro.has(FetchItem::body));
  CHECK(macro.has(FetchItem::internaldate));
  CHECK_FALSE(macro.has(FetchItem::bodystructure));
  Fixture unknown("FOO");
  CHECK(error_of(parse_fetch(unknown.parser)) == "Invalid Fetch attribute FOO");
  for (const char* bad : {"BODY[0]", "BODY[MIME]", "BODY[1.]", "BODY[TEXT", "BODY[]<1>", "BODY[]<0.0>",
                          "BINARY[TEXT]", "BODY[HEADER.FIELDS ()]", "()x"}) {
    INFO(bad);
    Fixture g(bad);
    CHECK_FALSE((parse_fetch(g.parser) && g.parser.end()));
  }
}

TEST_CASE("search keys that are no search are refused with Cyrus's words") {
  const auto parse = [](std::string text, std::string charset = "US-ASCII") {
    Fixture f(std::move(text));
    f.parser.set_command("Search");
    return error_of(parse_search(f.parser, {.now = 1'000'000, .charset = std::move(charset)}));
  };
  CHECK(parse("ALL").empty());
  CHECK(parse("OR (FLAGGED UNSEEN) NOT (2,4:7 FROM \"Smith\") SINCE 1-Feb-1994").empty());
  CHECK(parse("FOO") == "Invalid Search criteria");
  CHECK(parse("SINCE 1-Foo-2020") == "Invalid date in Search command");
  CHECK(parse("SINCE 30-Feb-2020") == "Invalid date in Search command");
  CHECK(parse("ALL", "X-NOPE") == "Unrecognized character set");
  CHECK(parse(std::string(2000, '(') + "ALL" + std::string(2000, ')')) == "Search criteria too complex");
  std::string nots;
  for (int i = 0; i < 5000; ++i) {
    nots += "NOT ";
  }
  CHECK(parse(nots + "ALL") == "Search criteria too complex");
}

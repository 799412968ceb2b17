// IMAP strings: forms chosen as mailbox.md 6 says of cache strings and as cyr_dbtool's batch mode prints.
#include "format/text/imap_string.h"
#include "tests/support/check.h"

using namespace cyr;
using namespace cyr::text;

TEST_CASE("imap string: nstring") {
  CHECK(print_nstring({}) == "NIL");
  CHECK(print_nstring("") == "\"\"");
  CHECK(print_nstring("plain") == "\"plain\"");
  CHECK(print_nstring("tab\there") == "\"tab\there\"");
  CHECK(print_nstring("say \"hi\"") == "{8}\r\nsay \"hi\"");
  CHECK(print_nstring("50%") == "{3}\r\n50%");
  CHECK(print_nstring("a\\b") == "{3}\r\na\\b");
  CHECK(print_nstring("a\r\nb") == "{4}\r\na\r\nb");
  CHECK(print_nstring(std::string_view("a\0b", 3)) == std::string("{3}\r\na\0b", 8));
  CHECK(print_nstring("\xC3\xA9") == "{2}\r\n\xC3\xA9");
  CHECK(print_nstring(std::string(1023, 'x')).front() == '"');
  CHECK(print_nstring(std::string(1024, 'x')).substr(0, 8) == "{1024}\r\n");
}

TEST_CASE("imap string: astring, as cyr_dbtool's batch mode shows keys and values") {
  CHECK(print_astring("a") == "a");
  CHECK(print_astring("q k") == "\"q k\"");
  CHECK(print_astring("") == "\"\"");
  CHECK(print_astring("NIL") == "\"NIL\"");
  CHECK(print_astring("x*y") == "\"x*y\"");
  CHECK(print_astring("100%", LiteralForm::synchronizing) == "{4}\r\n100%");
}

TEST_CASE("imap string: reading") {
  StringReader line("SET \"q k\" {3+}\r\nxyz nil NIL \"NIL\"");
  CHECK(line.astring().value() == "SET");
  CHECK(line.expect(' ').has_value());
  CHECK(line.astring().value() == "q k");
  line.skip_spaces();
  CHECK(line.astring().value() == "xyz");
  line.skip_spaces();
  CHECK(line.astring().value() == "nil");
  line.skip_spaces();
  CHECK_FALSE(line.nstring().value().has_value());
  line.skip_spaces();
  CHECK(line.nstring().value() == "NIL");
  CHECK(line.at_end());
}

TEST_CASE("imap string: what cannot be read says where") {
  const auto offset = [](std::string_view text) {
    StringReader reader(text);
    reader.skip_spaces();
    const auto result = reader.astring();
    REQUIRE_FALSE(result.has_value());
    return result.error().offset.value();
  };
  CHECK(offset("") == 0);
  CHECK(offset("  \"abc") == 2);
  CHECK(offset(" \"a\nb\"") == 1);
  CHECK(offset(" {4}\r\nabc") == 1);
  CHECK(offset(" {x}\r\nabc") == 1);
  CHECK(offset(" {3}abc") == 1);
  CHECK(offset("{99999999999999}\r\n") == 0);
  CHECK(offset(" )") == 1);
  StringReader reader("ab");
  CHECK_FALSE(reader.expect('x').has_value());
  CHECK(reader.rest() == "ab");
}

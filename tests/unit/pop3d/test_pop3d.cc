// POP3's words, and the maildrop of a store that the real 3.6.1 made. The dialogue as a whole is compared
// with the real pop3d in tests/interop/services.py; the answers here are what that one said.
#include "format/store/store.h"
#include "server-min/pop3d/command.h"
#include "server-min/pop3d/maildrop.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"

using namespace cyr;
using namespace cyr::pop3d;

TEST_CASE("commands, where they are allowed, what they want", "[pop3d]") {
  CHECK(parse_command("uidl 3").verb == Verb::uidl);
  CHECK(parse_command("UIDL  3 ").argument == "3");
  CHECK(parse_command("PASS a b ").argument == "a b ");  // a password may have spaces
  CHECK(parse_command("LAST").verb == Verb::unknown);
  CHECK(parse_command("").verb == Verb::unknown);
  CHECK(allowed(Verb::user, When::before_login));
  CHECK_FALSE(allowed(Verb::user, When::after_login));
  CHECK_FALSE(allowed(Verb::stat, When::before_login));
  CHECK(argument_error(parse_command("USER")) == "Missing argument");
  CHECK(argument_error(parse_command("STAT x")) == "Unexpected extra argument");
  CHECK_FALSE(argument_error(parse_command("LIST")));
  CHECK(parse_message_number("12") == 12U);
  CHECK(parse_message_number("99999999999") == 0U);
  CHECK_FALSE(parse_message_number("1x"));
  CHECK_FALSE(parse_message_number("-1"));
  CHECK(parse_top("1").error().what == "Missing argument");
  CHECK(parse_top("1 x").error().what == "Invalid number of lines");
  CHECK(parse_top("2 99999999999999999999999")->lines == UINT64_MAX);
}

TEST_CASE("dots at line starts are doubled, TOP cuts the body", "[pop3d]") {
  std::string out;
  append_stuffed(out, "A: 1\r\n.B: 2\r\n\r\n.x\r\n..y\r\nlast");
  CHECK(out == "A: 1\r\n..B: 2\r\n\r\n..x\r\n...y\r\nlast\r\n");
  out.clear();
  append_stuffed(out, "A: 1\r\n\r\n1\r\n2\r\n3\r\n", 2);
  CHECK(out == "A: 1\r\n\r\n1\r\n2\r\n");
  out.clear();
  append_stuffed(out, "A: 1\r\n\r\n1\r\n", 0);
  CHECK(out == "A: 1\r\n\r\n");
}

TEST_CASE("a maildrop: the list of login, deletions at the end only", "[pop3d]") {
  const test::TempStore copy("default");
  auto store = store::Store::open(posix_io(), copy.conf(), {.ident = "pop3"});
  REQUIRE_OK(store);
  const session::Identity bovik("bovik", {});
  const auto name = names::MailboxName::inbox_of({"bovik", ""});
  {
    auto drop = Maildrop::open(**store, name, bovik);
    REQUIRE_OK(drop);
    CHECK((*drop)->messages().size() == 80);
    Message* const first = (*drop)->find(1);
    REQUIRE(first != nullptr);
    CHECK((*drop)->uidl(*first) == "1795329482.3");
    CHECK(first->size == 13440);
    CHECK((*drop)->find(0) == nullptr);
    CHECK((*drop)->find(81) == nullptr);
    first->deleted = true;
    CHECK((*drop)->find(1) == nullptr);
    (*drop)->reset();
    REQUIRE((*drop)->find(1) != nullptr);
    (*drop)->find(1)->deleted = true;
    CHECK(*(*drop)->update() == 1);
    CHECK((*drop)->bytes((*drop)->messages()[0]).has_value());  // expunged, but still there
  }
  auto again = Maildrop::open(**store, name, bovik);
  REQUIRE_OK(again);
  CHECK((*again)->messages().size() == 79);
  CHECK((*again)->messages()[0].uid != 3);
  CHECK(Maildrop::open(**store, names::MailboxName::inbox_of({"nosuch", ""}), bovik).error().code ==
        Errc::not_found);
}

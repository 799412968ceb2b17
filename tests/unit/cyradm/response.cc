// Responses as the real server sent them (tools.md, transcripts of the wire), and some that no server should
// send.
#include "cyradm/imap_backend.h"
#include "cyradm/imap_command.h"
#include "cyradm/imap_response.h"
#include "tests/support/check.h"

using namespace cyr;
using namespace cyr::cyradm;

namespace {

ImapResponse response_of(std::string_view text) {
  auto response = parse_response(text);
  REQUIRE_OK(response);
  return std::move(*response);
}

}  // namespace

TEST_CASE("a LIST response", "[cyradm]") {
  const auto response = response_of(R"(* LIST (\HasNoChildren \Junk) "/" "shared/with space")");
  CHECK(response.kind == ImapResponse::Kind::data);
  CHECK(response.word == "LIST");
  REQUIRE(response.values.size() == 3);
  REQUIRE(response.values[0].items.size() == 2);
  CHECK(response.values[0].items[1].text == "\\Junk");
  CHECK(response.values[1].text == "/");
  CHECK(response.values[2].text == "shared/with space");
}

TEST_CASE("strings in every form, NIL only when it is bare", "[cyradm]") {
  const auto response =
      response_of("* METADATA \"\" (/shared/a NIL \"/b\" \"NIL\" c {3}\r\nx\r\n d {0}\r\n)");
  REQUIRE(response.values.size() == 2);
  const auto& items = response.values[1].items;
  REQUIRE(items.size() == 8);
  CHECK_FALSE(items[1].nstring());
  CHECK(items[3].nstring() == "NIL");
  CHECK(items[5].nstring() == "x\r\n");
  CHECK(items[7].nstring() == "");
}

TEST_CASE("status responses and their codes", "[cyradm]") {
  const auto referral = response_of("7 NO [REFERRAL imap://b.example.org/user/a] try there");
  CHECK(referral.tagged());
  CHECK(referral.code_word() == "REFERRAL");
  CHECK(referral.code_rest() == "imap://b.example.org/user/a");
  CHECK(referral.text == "try there");
  const auto plain = response_of("8 NO Mailbox does not exist");
  CHECK(plain.code.empty());
  CHECK(plain.text == "Mailbox does not exist");
  CHECK(response_of("9 OK [X \"a]b\"] done").text == "done");
  CHECK(response_of("+ go ahead").kind == ImapResponse::Kind::continuation);
  CHECK_FALSE(response_of("* BYE LOGOUT received").tagged());
}

TEST_CASE("what is no response is an error", "[cyradm]") {
  for (const char* text :
       {"", " OK", "* LIST (\\x \"/\" a", "* LIST )", "* LIST \"open", "* LIST {9}\r\nshort",
        "* X {99999999999}", "12 LIST () \"/\" x", "* X ((((((((((((((((((((((((((x"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_response(text));
  }
}

TEST_CASE("literals are announced by data, never by the text of a status", "[cyradm]") {
  const auto announced = [](std::string_view line) { return literal_announced(line, line); };
  CHECK(**announced("* METADATA a (b {12}") == 12);
  CHECK(**announced("* METADATA a (b {12+}") == 12);
  CHECK_FALSE(announced("* OK see {12}")->has_value());
  CHECK_FALSE(announced("3 NO see {12}")->has_value());
  CHECK_FALSE(announced("* LIST () \"/\" a{x}")->has_value());
  CHECK_FALSE(announced("* METADATA a (b {99999999999999999999}"));  // out of range
}

TEST_CASE("commands: no argument can be anything but itself", "[cyradm]") {
  const auto sent = [](const ImapCommand& command) { return command.pieces(true).at(0); };
  CHECK(sent(ImapCommand("CREATE").string("user/alice")) == "CREATE user/alice\r\n");
  CHECK(sent(ImapCommand("CREATE").string("shared/with space")) == "CREATE \"shared/with space\"\r\n");
  CHECK(sent(ImapCommand("SETACL").string("user/alice").string("dave").string("")) ==
        "SETACL user/alice dave \"\"\r\n");
  CHECK(sent(ImapCommand("LIST").open().words("REMOTE").close().string("").string("user/%")) ==
        "LIST (REMOTE) \"\" \"user/%\"\r\n");
  CHECK(sent(ImapCommand("SETQUOTA")
                 .string("user/b")
                 .open()
                 .string("MESSAGE")
                 .words("100")
                 .string("STORAGE")
                 .words("2000")
                 .close()) == "SETQUOTA user/b (MESSAGE 100 STORAGE 2000)\r\n");
  CHECK(sent(ImapCommand("DELETE").string("a\r\n2 DELETE b")) == "DELETE {13+}\r\na\r\n2 DELETE b\r\n");
  CHECK(sent(ImapCommand("X").string("nil")) == "X \"nil\"\r\n");
  CHECK(sent(ImapCommand("X").quoted("a\"b\\c")) == "X \"a\\\"b\\\\c\"\r\n");
  const auto pieces = ImapCommand("LOGIN").string("u").quoted("\xc3\xa4").words("x").pieces(false);
  CHECK(pieces == std::vector<std::string>{"LOGIN u {2}\r\n", "\xc3\xa4 x\r\n"});
}

TEST_CASE("servers and referrals by name", "[cyradm]") {
  CHECK(parse_server("mail.example.org", "143").port == "143");
  CHECK(parse_server("mail.example.org:1143", "143").port == "1143");
  CHECK(parse_server("[::1]:99", "143").host == "::1");
  CHECK(parse_server("::1", "143").host == "::1");
  CHECK(parse_server("/run/imap", "143").is_path);
  const auto url = parse_imap_url("imap://admin;AUTH=*@b.example.org:1143/user/with%20space;UIDVALIDITY=3");
  REQUIRE_OK(url);
  CHECK(url->host == "b.example.org");
  CHECK(url->port == "1143");
  CHECK(url->mailbox == "user/with space");
  CHECK_FALSE(parse_imap_url("http://b.example.org/x"));
  CHECK_FALSE(parse_imap_url("imap:///x"));
  CHECK_FALSE(parse_imap_url("imap://h:999999/x"));
}

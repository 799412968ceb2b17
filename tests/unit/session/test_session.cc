// What sessions share: names, the deny list, proc lines.
#include <unistd.h>

#include "server-min/session/admin_files.h"
#include "server-min/session/deny_list.h"
#include "server-min/session/identity.h"
#include "tests/support/check.h"
#include "tests/support/temp_dir.h"

using namespace cyr;
using session::canonical_user;

namespace {

struct Rules {
  explicit Rules(const std::string& text) : config(*conf::Config::parse(posix_io(), text, "imapd.conf")) {
    ns = *names::Namespace::from_config(config);
  }
  [[nodiscard]] std::string operator()(std::string_view user, std::string_view who = {}) const {
    return canonical_user(user, config, ns, who).value_or("refused");
  }
  conf::Config config;
  names::Namespace ns;
};

}  // namespace

TEST_CASE("user names are made canonical, impossible ones refused", "[session]") {
  const Rules plain("configdirectory: /c\npartition-default: /p\n");
  CHECK(plain("Alice") == "alice");
  CHECK(plain("12345") == "12345");
  CHECK(plain("ANONYMOUS") == "anonymous");
  CHECK(plain("a.b@x") == "a.b@x");
  for (const char* bad : {"", "anyone", "a/b", "a*", "a%b", "a:b", "a&b", "a\nb", "\xc3\xa4"}) {
    CAPTURE(bad);
    CHECK(plain(bad) == "refused");
  }
  CHECK(plain(std::string(81, 'a')) == "refused");
  const Rules kept("configdirectory: /c\nusername_tolower: no\n");
  CHECK(kept("Alice") == "Alice");
}

TEST_CASE("virtual domains: the default one goes, a proxy's is lent", "[session]") {
  const Rules virt("configdirectory: /c\nvirtdomains: userid\ndefaultdomain: example.org\n");
  CHECK(virt("bob@Example.ORG") == "bob");
  CHECK(virt("Bob@Other.net") == "bob@other.net");
  CHECK(virt("bob", "admin@other.net") == "bob@other.net");
  CHECK(virt("bob") == "bob");
}

TEST_CASE("membership is by name, group and anyone", "[session]") {
  const session::Identity alice("alice", {"staff"});
  CHECK(alice.is_member("anyone"));
  CHECK(alice.is_member("alice"));
  CHECK(alice.is_member("group:staff"));
  CHECK(!alice.is_member("staff"));
  CHECK(!alice.is_member("group:root"));
  const auto config =
      *conf::Config::parse(posix_io(), "configdirectory: /c\nadmins: cyrus group:staff anonymous\n", "f");
  CHECK(alice.is_in(config, conf::Option::admins));
  CHECK(!session::Identity().is_in(config, conf::Option::admins));
}

TEST_CASE("records of user_deny.db, as cyr_deny of 3.6.1 and 2.5 wrote them", "[session]") {
  const auto denial = session::decode_denial("2\timap,pop3\tgo away");
  REQUIRE_OK(denial);
  CHECK(denial->services == "imap,pop3");
  CHECK(denial->message == "go away");
  CHECK(session::decode_denial("1\t*")->services == "*");
  CHECK(session::encode_denial({"imap", ""}) == "2\timap\tAccess to this service has been blocked");
  CHECK(!session::decode_denial("3\t*"));
  CHECK(!session::decode_denial("nonsense"));
}

TEST_CASE("proc files: the line of real Cyrus, and a file that goes with the session", "[session]") {
  const auto entry = session::decode_proc("imap\tlocalhost [127.0.0.1]\tbovik\tuser.bovik\tClose\n", 7);
  REQUIRE(entry);
  CHECK(entry->client == "localhost [127.0.0.1]");
  CHECK(entry->command == "Close");
  CHECK(session::encode_proc(*entry) == "imap\tlocalhost [127.0.0.1]\tbovik\tuser.bovik\tClose\n");
  CHECK(!session::decode_proc("host\tuser\n", 7));
  const test::TempDir dir;
  {
    session::ProcFile file(posix_io(), dir.path() / "proc");
    file.show({::getpid(), "imap", "h", "a\tb", "", ""});
    const auto listed = session::list_proc(posix_io(), dir.path() / "proc");
    REQUIRE_OK(listed);
    REQUIRE(listed->size() == 1);
    CHECK(listed->front().user == "a b");
    CHECK(listed->front().pid == ::getpid());
    // Written in place: a shorter line must not show the end of the longer one, to anybody who reads a line.
    file.show({::getpid(), "imap", "h", "somebody", "user.somebody", "Reconstruct"});
    const fs::path path = dir.path() / "proc" / std::to_string(::getpid());
    const auto size = posix_io().stat(path)->size;
    file.show({::getpid(), "imap", "h", "u", "", ""});
    const auto shorter = posix_io().read_file(path);
    REQUIRE_OK(shorter);
    CHECK(shorter->text().substr(0, shorter->text().find('\n')) == "imap\th\tu\t\t");
    CHECK(shorter->text().find_first_not_of('\n', shorter->text().find('\n')) == std::string_view::npos);
    CHECK(shorter->text().size() == size);
    // Somebody took it for stale.
    REQUIRE_OK(posix_io().unlink(path));
    file.show({::getpid(), "imap", "h", "u", "user.u", ""});
    CHECK(session::list_proc(posix_io(), dir.path() / "proc")->at(0).mailbox == "user.u");
  }
  CHECK(session::list_proc(posix_io(), dir.path() / "proc")->empty());
}

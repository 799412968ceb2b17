// cyrus.conf, listen addresses, program names, times and limits: what master knows before it forks anything.
// The grammar's answers are those of the real master 3.6.1.
#include <ctime>

#include "format/base/file.h"
#include "format/conf/cyrus_conf.h"
#include "server-min/master/service_table.h"
#include "tests/support/check.h"
#include "tests/support/temp_dir.h"

using namespace cyr;
using conf::CyrusSection;
using master::parse_listen;

namespace {

Result<std::vector<conf::CyrusEntry>> parse(std::string_view text) {
  return conf::parse_cyrus_conf(text, "cyrus.conf");
}

}  // namespace

TEST_CASE("cyrus.conf: sections, entries, arguments", "[master]") {
  const auto entries = parse(
      "# standard\nSTART {\n  recover cmd=\"ctl_cyrusdb -r\"   # comment\n}\nservices {\n"
      "  imap cmd=\"imapd -U 30\" listen=imap prefork=5 PREFORK=7 maxchild=x babysit=yes\n}\n"
      "UNKNOWN {\n  x y=1 {\n }\n}\nEVENTS {\n e cmd = \"x\" at=0400 period=30\n}\nDAEMON {\n  idled "
      "cmd=idled wait=t\n}\n");
  REQUIRE_OK(entries);
  REQUIRE(entries->size() == 4);
  CHECK((*entries)[0].section == CyrusSection::start);
  CHECK((*entries)[0].text("cmd") == "ctl_cyrusdb -r");
  const auto& imap = (*entries)[1];
  CHECK(imap.name == "imap");
  CHECK(imap.line == 6);
  CHECK(imap.integer("prefork", 0) == 5);     // the first one wins
  CHECK(imap.integer("maxchild", -1) == -1);  // no number
  CHECK(imap.is_on("babysit", false));
  CHECK(imap.text("proto", "tcp") == "tcp");
  CHECK((*entries)[2].text("cmd") == "x");
  CHECK((*entries)[3].is_on("wait", false));
}

TEST_CASE("cyrus.conf: what is fatal, and what is skipped", "[master]") {
  CHECK(parse("SERVICES {\n  im-ap cmd=x\n}\n").error().text() ==
        "configuration file cyrus.conf: bad character '-' in name on line 2");
  CHECK(parse("SERVICES {\n  imap cmd=\"x\n}\n").error().code == Errc::config);
  CHECK(parse("SERVICES {\n  imap cmd\n}\n").error().code == Errc::config);
  CHECK(parse("SERVICES {\n  imap cmd=\"a # b\"\n}\n").error().code ==
        Errc::config);  // '#' ends a line anywhere
  CHECK(parse(std::string(5000, 'x')).error().code == Errc::config);
  const auto one_line = parse("SERVICES { imap cmd=x }\nSERVICES {\n pop3 cmd=y\n}\n");
  REQUIRE_OK(one_line);
  REQUIRE(one_line->size() == 1);
  CHECK(one_line->front().name == "pop3");
  std::string many = "START {\n x";
  for (int i = 0; i < 65; ++i) {
    many += " a=b";
  }
  CHECK(!parse(many + "\n}\n"));
}

TEST_CASE("listen: ports, hosts, addresses, sockets", "[master]") {
  CHECK(parse_listen("imap")->port == "imap");
  CHECK(parse_listen("localhost:143")->host == "localhost");
  CHECK(parse_listen("127.0.0.1:143")->port == "143");
  CHECK(parse_listen("127.0.0.1")->host == "127.0.0.1");
  CHECK(parse_listen("[::1]:143")->host == "::1");
  CHECK(parse_listen("[::1]:143")->port == "143");
  CHECK(parse_listen("[::1]")->port.empty());
  CHECK(parse_listen("/run/lmtp")->path == "/run/lmtp");
  for (const std::string& bad :
       {std::string(), std::string("[::1"), std::string("host:"), "/" + std::string(120, 'x')}) {
    CAPTURE(bad);
    CHECK(!parse_listen(bad));
  }
}

TEST_CASE("listeners: one per address, and what cannot be bound is a problem", "[master]") {
  auto first = master::open_listeners({{}, "127.0.0.1", "0"}, "tcp4", 5);
  REQUIRE_OK(first);
  REQUIRE(first->sockets.size() == 1);
  CHECK(first->sockets[0].family() == "ipv4");
  CHECK(!master::open_listeners({{}, "127.0.0.1", "0"}, "sctp", 5));
  const test::TempDir dir;
  const std::string path = (dir.path() / "s").string();
  auto unix_socket = master::open_listeners({path, {}, {}}, "tcp", 5);
  REQUIRE_OK(unix_socket);
  CHECK(posix_io().stat(path)->mode == 0777);
  CHECK(master::open_listeners({"/proc/no/such/place", {}, {}}, "tcp", 5)->problems.size() == 1);
}

TEST_CASE("programs are found by name, by the last part of a path, and behind Debian's front", "[master]") {
  const test::TempDir dir;
  for (const char* name : {"imapd", "cyr_expire", "ctl_cyrusdb"}) {
    auto file = AtomicFile::create(posix_io(), dir.path() / name, 0755);
    REQUIRE_OK(file);
    REQUIRE_OK(file->commit());
  }
  const std::vector<fs::path> directories = {dir.path()};
  const auto imapd = master::resolve_command("imapd  -U 30", directories);
  REQUIRE_OK(imapd);
  CHECK(imapd->words == std::vector<std::string>{(dir.path() / "imapd").string(), "-U", "30"});
  CHECK(master::resolve_command("/no/such/ctl_cyrusdb -r", directories)->words.back() == "-r");
  const auto expire = master::resolve_command("/no/such/cyrus expire -E 3", directories);
  REQUIRE_OK(expire);
  CHECK(expire->program == dir.path() / "cyr_expire");
  CHECK(expire->words.size() == 3);
  CHECK(master::resolve_command("idled", directories).error().code == Errc::not_found);
  CHECK(!master::resolve_command("  ", directories));
}

TEST_CASE("times of day, fork rates, back-off", "[master]") {
  CHECK(master::parse_time_of_day("0400") == 4 * 3600);
  CHECK(master::parse_time_of_day("2359") == 86340);
  for (const char* bad : {"2400", "0460", "4", "x", "", "-100"}) {
    CHECK(!master::parse_time_of_day(bad));
  }
  const std::int64_t now = 1795669564;
  const std::int64_t next = master::next_at(4 * 3600, now);
  CHECK(next > now);
  CHECK(next <= now + 90000);
  const std::time_t moment = next;
  std::tm local{};
  ::localtime_r(&moment, &local);
  CHECK(local.tm_hour == 4);
  CHECK(local.tm_min == 0);

  const auto start = master::Clock::now();
  master::ForkRate rate(3);
  CHECK(rate.next(start) == start);
  for (int i = 0; i < 20; ++i) {
    rate.add(start);
  }
  CHECK(rate.next(start) == start + std::chrono::milliseconds(400));
  CHECK(rate.next(start + std::chrono::seconds(60)) == start + std::chrono::seconds(60));

  master::BackOff back_off;
  back_off.ended(std::chrono::milliseconds(10), true, start);
  CHECK(back_off.until() == start + std::chrono::seconds(1));
  back_off.ended(std::chrono::milliseconds(10), true, start);
  CHECK(back_off.until() == start + std::chrono::seconds(2));
  for (int i = 0; i < 20; ++i) {
    back_off.ended(std::chrono::milliseconds(10), true, start);
  }
  CHECK(back_off.until() == start + std::chrono::seconds(60));
  back_off.ended(std::chrono::milliseconds(10), false, start);
  CHECK(back_off.until() <= start);
}

// What all programs have in common, seen on mbpath; and mbpath itself against what the real one printed for
// the same stores.
#include <unistd.h>

#include "tests/support/check.h"
#include "tests/support/process.h"
#include "tests/support/temp_store.h"

using namespace cyr;

namespace {

struct Said {
  int status;
  std::string out;
  std::string err;
};

Said mbpath(const test::TempStore& store, std::vector<std::string> arguments,
            std::map<std::string, std::string> environment = {}) {
  arguments.insert(arguments.begin(), {"-C", store.conf()});
  const auto result = test::run_program("mbpath", arguments, {.environment = std::move(environment)});
  return {result.status, store.to_golden(result.out), store.to_golden(result.err)};
}

}  // namespace

TEST_CASE("mbpath: every golden command of a by-id and a by-name store") {
  for (const char* name : {"default", "virt"}) {
    const test::TempStore store(name);
    const auto commands = test::parse_golden(store.golden("intact/mbpath.txt"));
    REQUIRE(commands.size() >= 4);
    for (const auto& command : commands) {
      const Said said = mbpath(store, {command.argv.begin() + 1, command.argv.end()});
      CHECK(said.out == command.output);
      CHECK(std::to_string(said.status) == command.status);
    }
  }
}

TEST_CASE("mbpath: JSON as the real one prints it") {
  const test::TempStore store("virt");
  CHECK(mbpath(store, {"-j", "user/ted/Keywords@example.net"}).out == R"({
  "archive": "/srv/cyrus/spool/domain/O/example.net/D/user/ted/Keywords",
  "data": "/srv/cyrus/spool/domain/O/example.net/D/user/ted/Keywords",
  "mbname": {
    "boxes": [
      "Keywords"
    ],
    "domain": "example.net",
    "intname": "example.net!user.ted.Keywords",
    "localpart": "ted",
    "userid": "ted@example.net"
  },
  "meta": "/srv/cyrus/meta/domain/O/example.net/D/user/ted/Keywords",
  "user": {
    "conversations": "/srv/cyrus/config/domain/O/example.net/user/D/ted.conversations",
    "counters": "/srv/cyrus/config/domain/O/example.net/user/D/ted.counters",
    "dav": "/srv/cyrus/config/domain/O/example.net/user/D/ted.dav",
    "seen": "/srv/cyrus/config/domain/O/example.net/user/D/ted.seen",
    "sieve": "/srv/cyrus/sieve/domain/O/example.net/D/ted",
    "sub": "/srv/cyrus/config/domain/O/example.net/user/D/ted.sub",
    "xapianactive": "/srv/cyrus/config/domain/O/example.net/user/D/ted.xapianactive"
  },
  "xapian": {}
}
)");
  CHECK(mbpath(store, {"-j", "archive"}).out == R"({
  "archive": "/srv/cyrus/spool/G/archive",
  "data": "/srv/cyrus/spool/G/archive",
  "mbname": {
    "boxes": [
      "archive"
    ],
    "intname": "archive"
  },
  "meta": "/srv/cyrus/meta/G/archive"
}
)");
  CHECK(mbpath(store, {"-a", "archive/sub"}).out ==
        "Archive: /srv/cyrus/spool/O/archive/sub\nData: /srv/cyrus/spool/O/archive/sub\n"
        "Meta: /srv/cyrus/meta/O/archive/sub\nSieve: /srv/cyrus/sieve/global\nUser: /srv/cyrus/config\n");
}

TEST_CASE("mbpath: arguments and exit status") {
  const test::TempStore store("default");
  const std::string bovik = "/srv/cyrus/spool/uuid/a/e/aehnepejko4ztqdv2npbnxt2\n";
  const std::string complaint = "Invalid mailbox name: 'nosuch'\n";
  CHECK(mbpath(store, {"-u", "bovik"}).out == bovik);
  CHECK(mbpath(store, {"user.bovik"}).out == bovik);
  CHECK(mbpath(store, {"-p", (store / "spool/uuid/a/e/aehnepejko4ztqdv2npbnxt2/cyrus.index").string()}).out ==
        bovik);
  CHECK(mbpath(store, {"user/bovik/Entwürfe"}).out == mbpath(store, {"-7", "user/bovik/Entw&APw-rfe"}).out);
  CHECK(mbpath(store, {"-7", "user/bovik/Entwürfe"}).status == 65);
  const Said mixed = mbpath(store, {"nosuch", "user/bovik"});
  CHECK(mixed.out == bovik);
  CHECK(mixed.err == complaint);
  CHECK(mixed.status == 65);
  CHECK(mbpath(store, {"--compat-exit", "nosuch", "user/bovik"}).status == 0);
  CHECK(mbpath(store, {"nosuch", "user/bovik"}, {{"CYRKIT_COMPAT_EXIT", "1"}}).status == 0);
  CHECK(mbpath(store, {"-q", "nosuch"}).err.empty());
  CHECK(mbpath(store, {"-s", "nosuch", "user/bovik"}).out.empty());
  CHECK(mbpath(store, {"-a", "-D", "user/bovik"}).status == 64);
  CHECK(mbpath(store, {}).status == 0);
  CHECK(mbpath(store, {"-p", "/etc"}).status == 65);
}

TEST_CASE("programs: configuration errors and usage") {
  const auto missing = test::run_program("mbpath", {"-C", "/nonexistent", "x"});
  CHECK(missing.status == 78);
  CHECK(missing.err.rfind(
            "fatal error: can't open configuration file /nonexistent: No such file or directory\n", 0) == 0);
  CHECK(test::run_program("mbpath", {"-z"}).status == 64);
  const auto version = test::run_program("mbpath", {"--version"});
  CHECK(version.status == 0);
  CHECK(version.out.rfind("mbpath (cyrkit) ", 0) == 0);
  CHECK(test::run_program("mbpath", {"--help"}).out.find("-C FILE") != std::string::npos);
}

TEST_CASE("programs: root becomes the owner of the store, with or without a name") {
  if (::geteuid() != 0) {
    WARN("skipped: needs root");
    return;
  }
  const test::TempStore store("default");
  const auto owned_by = [&](const std::string& owner) {
    REQUIRE(test::run_command({"chown", "-R", owner, store.root().string()}).status == 0);
    REQUIRE(test::run_command({"chmod", "0755", store.root().parent_path().string()}).status == 0);
  };
  owned_by("54321:54321");
  REQUIRE(test::run_command({"chmod", "0700", (store / "config").string()}).status == 0);
  CHECK(mbpath(store, {"user/bovik"}).status == 0);
  CHECK(mbpath(store, {"user/bovik"}, {{"CYRUS_USER", "54321"}}).status == 0);
  CHECK(mbpath(store, {"user/bovik"}, {{"CYRUS_USER", "54322"}}).status == 77);
  CHECK(mbpath(store, {"user/bovik"}, {{"CYRUS_USER", "no such user"}}).status == 78);
  CHECK(mbpath(store, {"user/bovik"}, {{"CYRUS_GROUP", "no such group"}}).status == 78);
  owned_by("nobody");
  CHECK(mbpath(store, {"user/bovik"}).status == 0);
}

// Paths one by one, with the examples of store.md 2.7 and 2.8, and the lock files real 3.6.1 makes.
#include "format/names/paths.h"
#include "tests/support/check.h"

using namespace cyr;
using namespace cyr::names;

namespace {

Paths paths_of(std::string_view more, conf::Release release = conf::v3_6) {
  const auto config = conf::Config::parse(
      posix_io(), "configdirectory: /c\npartition-default: /s\nsievedir: /v\n" + std::string(more),
      "imapd.conf", {.release = release});
  REQUIRE_OK(config);
  auto paths = Paths::from_config(*config);
  REQUIRE_OK(paths);
  return *paths;
}

std::string directory(const Paths& paths, std::string_view name) {
  const auto parsed = MailboxName::from_internal(name, paths.name_space());
  REQUIRE_OK(parsed);
  const auto path = paths.mailbox({"default", *parsed, {}, Layout::by_name});
  REQUIRE_OK(path);
  return path->string();
}

constexpr std::string_view hashed = "hashimapspool: yes\n";
constexpr std::string_view full = "hashimapspool: yes\nfulldirhash: yes\n";

}  // namespace

TEST_CASE("paths: mailbox directories by name") {
  const Paths plain = paths_of("");
  CHECK(directory(plain, "user.john^doe.a^b") == "/s/user/john^doe/a^b");
  CHECK(directory(plain, "dom.com!user.x") == "/s/domain/dom.com/user/x");
  CHECK(directory(plain, "DELETED.user.fred.6B0284F7") == "/s/DELETED/user/fred/6B0284F7");
  CHECK(directory(paths_of(hashed), "user.Zed") == "/s/z/user/Zed");
  CHECK(directory(paths_of(hashed), "DELETED.user.fred.6B0284F7") == "/s/u/DELETED/user/fred/6B0284F7");
  const Paths hash = paths_of(full);
  CHECK(directory(hash, "user.john^doe") == "/s/K/user/john^doe");
  CHECK(directory(hash, "Shared") == "/s/W/Shared");
  CHECK(directory(hash, "Shared.sub") == "/s/O/Shared/sub");
  CHECK(directory(hash, "DELETED.user.fred.6B0284F7") == "/s/C/DELETED/user/fred/6B0284F7");
  CHECK(directory(hash, "example.net!user.ted") == "/s/domain/O/example.net/D/user/ted");
  // 2.x hashes the escaped spelling.
  CHECK(directory(paths_of(std::string(full) + "unixhierarchysep: yes\n", conf::v2_5), "user.john^doe") ==
        "/s/B/user/john^doe");
}

TEST_CASE("paths: mailbox directories by id") {
  const Paths paths = paths_of(full);
  CHECK(paths.mailbox({"default", {}, "do08k07k28pi11iuulmgwdhs", Layout::by_id}).value() ==
        "/s/uuid/d/o/do08k07k28pi11iuulmgwdhs");
  for (const char* id : {"", "x", "..", "../../etc", "a/b", ".ab", "a..", "ab/../../.."}) {
    INFO(id);
    const auto path = paths.mailbox({"default", {}, id, Layout::by_id});
    const bool inside = path && path->string().rfind("/s/uuid/a/", 0) == 0 && std::string_view(id) == "a..";
    CHECK((inside || !path));
  }
}

TEST_CASE("paths: back from the directory") {
  const Paths paths = paths_of(std::string(full) +
                               "partition-p2: /s/inner\nmetapartition-default: /m\n"
                               "metapartition_files: header\n");
  const auto found = paths.identify("/s/K/user/john^doe");
  REQUIRE(found.has_value());
  CHECK(found->partition == "default");
  CHECK(found->identity.name.localpart == "john.doe");
  CHECK_FALSE(paths.identify("/s/B/user/john^doe").has_value());  // the wrong letter
  CHECK_FALSE(paths.identify("/elsewhere/K/user/john").has_value());
  CHECK_FALSE(paths.identify("/s").has_value());
  CHECK(paths.identify("/m/K/user/john^doe")->partition == "default");
  CHECK(paths.identify("/s/inner/K/user/john^doe")->partition == "p2");
  CHECK(paths.identify("/s/uuid/d/o/do08")->identity.uniqueid == "do08");
  CHECK_FALSE(paths.identify("/s/uuid/d/x/do08").has_value());
  const auto domain = paths.identify("/s/domain/O/example.net/D/user/ted");
  REQUIRE(domain.has_value());
  CHECK(domain->identity.name.domain == "example.net");
  // A shared mailbox may be called "domain".
  CHECK(paths_of("").identify("/s/domain/x")->identity.name.boxes == std::vector<std::string>{"domain", "x"});
}

TEST_CASE("paths: files of a mailbox") {
  const Paths paths = paths_of(
      "metapartition-default: /m\nmetapartition_files: header index annotations\n"
      "archivepartition-default: /a\narchive_enabled: yes\nmetadir-index-default: /i\n");
  const MailboxPlace place{"default", MailboxName::inbox_of({"bovik", ""}), {}, Layout::by_name};
  using conf::RootKind;
  CHECK(paths.meta_file(place, RootKind::header).value() == "/m/user/bovik/cyrus.header");
  CHECK(paths.meta_file(place, RootKind::index).value() == "/i/user/bovik/cyrus.index");
  CHECK(paths.meta_file(place, RootKind::annotations).value() == "/i/user/bovik/cyrus.annotations");
  CHECK(paths.meta_file(place, RootKind::cache).value() == "/s/user/bovik/cyrus.cache");
  CHECK(paths.message(place, 4294967295U).value() == "/s/user/bovik/4294967295.");
  CHECK(paths.message(place, 1, true).value() == "/a/user/bovik/1.");
  CHECK_FALSE(paths.meta_file(place, RootKind::data).has_value());
  CHECK(paths.mailbox_directories(place).value() ==
        std::vector<fs::path>{"/s/user/bovik", "/m/user/bovik", "/i/user/bovik", "/a/user/bovik"});
  const auto unknown = paths.mailbox({"nosuch", place.name, {}, Layout::by_name});
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().what == "partition-nosuch option not specified in configuration file");
}

TEST_CASE("paths: a user's files") {
  const Paths paths = paths_of("fulldirhash: yes\nvirtdomains: userid\n");
  CHECK(paths.user_file_by_name({"john.doe", ""}, "sub").value() == "/c/user/K/john.doe.sub");
  CHECK(paths.user_file_by_name({"ted", "example.net"}, "seen").value() ==
        "/c/domain/O/example.net/user/D/ted.seen");
  CHECK(paths.user_file_by_name({"", ""}, "counters").value() == "/c/shared.counters");
  CHECK(paths.user_file_by_name({"", "example.net"}, "counters").value() ==
        "/c/domain/O/example.net/shared.counters");
  CHECK(paths.user_file_by_id("do08k07k", "counters").value() == "/c/user/uuid/d/o/do08k07k/counters.db");
  CHECK(paths.sieve_by_name({"ted", ""}).value() == "/v/D/ted");
  CHECK(paths.sieve_by_name({"", ""}).value() == "/v/global");
  CHECK(paths.sieve_by_id("do08k07k").value() == "/v/uuid/d/o/do08k07k");
  const Paths old = paths_of("unixhierarchysep: yes\n", conf::v2_5);
  CHECK(old.user_file_by_name({"john.doe", ""}, "sub").value() == "/c/user/j/john^doe.sub");
  for (const char* id : {"a/b", "../x", "..", "/etc/passwd"}) {
    CHECK_FALSE(paths.user_file_by_name({id, "x"}, "sub").value_or("/c/domain/x").string().find("/../") !=
                std::string::npos);
    CHECK_FALSE(paths.user_file_by_name({"u", id}, "sub").has_value());
    CHECK_FALSE(paths.sieve_by_name({id, ""}).has_value());
  }
  CHECK_FALSE(paths.user_file_by_name({"a/b", ""}, "sub").has_value());
}

TEST_CASE("paths: quota files") {
  const Paths plain = paths_of("virtdomains: userid\n");
  CHECK(plain.quota_file("user.bovik").value() == "/c/quota/b/user.bovik");
  CHECK(plain.quota_file("dom.com!user.bovik").value() == "/c/domain/d/dom.com/quota/b/user.bovik");
  CHECK(plain.quota_file("dom.com!").value() == "/c/domain/d/dom.com/quota/root");
  const Paths hash = paths_of("fulldirhash: yes\n");
  CHECK(hash.quota_file("Shared").value() == "/c/quota/W/Shared");
  CHECK(hash.quota_file("user.john^doe").value() == "/c/quota/B/user.john^doe");
  for (const char* root : {"", "../x", "..", "../!x", "!x"}) {
    const auto path = hash.quota_file(root);
    CHECK((!path || path->string().find("..") == std::string::npos));
  }
}

TEST_CASE("paths: lock files, as found in the lock directory of real 3.6.1") {
  const Paths hash = paths_of(std::string(full) + "virtdomains: userid\ndefaultdomain: mail.example.org\n");
  CHECK(hash.user_lock({"", ""}).value() == "/c/lock/D/*U*.lock");
  CHECK(hash.user_lock({"wes", "example.net"}).value() == "/c/lock/N/*U*wes@example^net.lock");
  CHECK(hash.user_lock({"bovik", "example.org"}).value() == "/c/lock/S/*U*bovik@example^org.lock");
  CHECK(hash.user_lock({"sheila", ""}).value() == "/c/lock/F/*U*sheila.lock");
  CHECK(hash.quota_change_lock().value() == "/c/lock/F/$QUOTACHANGE.lock");
  CHECK(hash.lock_file("example.net!user.ted.v1^2 notes").value() ==
        "/c/lock/domain/O/example.net/D/user/ted/v1^2 notes.lock");
  CHECK(hash.lock_file("example.org!DELETED.user.fred.Gone.Child.6B028E94").value() ==
        "/c/lock/domain/O/example.org/C/DELETED/user/fred/Gone/Child/6B028E94.lock");
  const Paths plain = paths_of("mboxname_lockpath: /run/lock\n");
  CHECK(plain.user_lock({"harry.q.bovik", ""}).value() == "/run/lock/*U*harry^q^bovik.lock");
  CHECK(plain.mailbox_lock({"default", {}, "025keiveovz6a6r802ow9ka2", Layout::by_id}).value() ==
        "/run/lock/025keiveovz6a6r802ow9ka2.lock");
  CHECK(paths_of(hashed).lock_file("*U*tjs").value() == "/c/lock/q/*U*tjs.lock");
  CHECK(paths_of(hashed)
            .mailbox_lock({"default", MailboxName::inbox_of({"bovik", ""}), {}, Layout::by_name})
            .value() == "/c/lock/b/user/bovik.lock");
  CHECK_FALSE(plain.lock_file("a/../../b").has_value());
}

// Lexical rules and types of imapd.conf: inputs and outcomes are those of cyr_info 3.6.1 (conf, conf-lint).
#include <fstream>

#include "format/conf/imapd_conf.h"
#include "tests/support/check.h"
#include "tests/support/temp_dir.h"

using namespace cyr;
using namespace cyr::conf;
using namespace std::string_view_literals;

namespace {

constexpr std::string_view base = "configdirectory: /c\npartition-default: /s\n";  // two lines

Result<Config> parse(std::string_view more, LoadRequest request = {}) {
  return Config::parse(posix_io(), std::string(base) + std::string(more), "p.conf", request);
}

Config good(std::string_view more, LoadRequest request = {}) {
  auto config = parse(more, request);
  REQUIRE_OK(config);
  return *config;
}

std::string fails(std::string_view more, LoadRequest request = {}) {
  const auto config = parse(more, request);
  REQUIRE_FALSE(config.has_value());
  CHECK(config.error().code == Errc::config);
  CHECK(exit_status(config.error()) == 78);
  return config.error().text();
}

void write(const fs::path& file, std::string_view text) { std::ofstream(file.string()) << text; }

}  // namespace

TEST_CASE("imapd.conf: errors have the words of real Cyrus") {
  CHECK(fails("maxquoted: 12x\n") == "non-integer value for maxquoted in line 3");
  CHECK(fails("maxquoted: 09\n") == "non-integer value for maxquoted in line 3");
  CHECK(fails("maxquoted: 0x\n") == "non-integer value for maxquoted in line 3");
  CHECK(fails("maxquoted: \n") == "empty option value on line 3 of configuration file");
  CHECK(fails("altnamespace: maybe\n") == "non-switch value for altnamespace in line 3");
  CHECK(fails("altnamespace: ON\n") == "non-switch value for altnamespace in line 3");
  CHECK(fails("altnamespace: o\n") == "non-switch value for altnamespace in line 3");
  CHECK(fails("virtdomains: zz\n") == "invalid value 'zz' for virtdomains in line 3");
  CHECK(fails("mboxlist_db: zz\n") == "invalid value 'zz' for mboxlist_db in line 3");
  CHECK(fails("mboxlist_db: berkeley\n") == "invalid value 'berkeley' for mboxlist_db in line 3");
  CHECK(fails("metapartition_files: header  zz\n") ==
        "invalid value 'header  zz' for metapartition_files in line 3");
  CHECK(fails("timeout: 1x\n") == "unparsable duration '1x' for timeout in line 3");
  CHECK(fails("bad name: x\n") == "invalid option name on line 3 of configuration file p.conf");
  CHECK(fails("foo.bar: x") == "invalid option name on line 3 of configuration file p.conf");
  CHECK(fails(":x\n") == "invalid option name on line 3 of configuration file p.conf");
  CHECK(fails("altnamespace : yes\n") == "invalid option name on line 3 of configuration file p.conf");
  CHECK(fails("bad\0name: x\n"sv) == "invalid option name on line 3 of configuration file p.conf");
  CHECK(fails("@foo: x\n") == "invalid directive on line 3 of configuration file p.conf");
  CHECK(fails("zork: 1\nzork: 2\n") ==
        "option 'zork' was specified twice in config file (second occurrence on line 4)");
  CHECK(fails("admins: 1\nADMINS: 2\n") ==
        "option 'admins' was specified twice in config file (second occurrence on line 4)");
  CHECK(fails("admins: a\\\n b\nbad name: x\n") ==
        "invalid option name on line 5 of configuration file p.conf");
  CHECK(fails("bad\\\n name: x\n") == "invalid option name on line 4 of configuration file p.conf");
  CHECK(Config::parse(posix_io(), "partition-default: /x\n", "p.conf").error().text() ==
        "configdirectory option not specified in configuration file");
}

TEST_CASE("imapd.conf: lexical rules") {
  CHECK(good("admins:x  \t\n").text(Option::admins) == "x");
  CHECK(good("admins: x\r\n").text(Option::admins) == "x");
  CHECK(good("admins: a\\\n   b\n").text(Option::admins) == "a   b");
  CHECK(good("admins: x\\").text(Option::admins) == "x\\");
  CHECK(good("admins: x\\\n").text(Option::admins).empty());
  CHECK_FALSE(good("#foo\\\nservername: x\n").is_set(Option::servername));
  CHECK(good("admins: a\0b\nservername: x\n"sv).text(Option::admins) == "a");
  CHECK(good("servername: # not a comment\n").text(Option::servername) == "# not a comment");
  CHECK(good("\f  Lead: x\n").overflow("lead") == "x"sv);
  CHECK(good("idlesocket: {ConfigDirectory}/x\n").text(Option::idlesocket) == "/c/x");
  CHECK(good("").text(Option::idlesocket) == "/c/socket/idle");
  CHECK(good("zork: {configdirectory}/x\n").overflow("zork") == "{configdirectory}/x"sv);
  CHECK(good("admins: a\\\nb: c\n", {.release = v2_2}).text(Option::admins) == "a\\");
}

TEST_CASE("imapd.conf: types") {
  CHECK(good("maxquoted: 0x10\n").integer(Option::maxquoted) == 16);
  CHECK(good("maxquoted:010\n").integer(Option::maxquoted) == 8);
  CHECK(good("maxquoted:  +5\n").integer(Option::maxquoted) == 5);
  CHECK(good("maxquoted: 9999999999999999999999999\n").integer(Option::maxquoted) == INT64_MAX);
  CHECK(good("altnamespace: tomato\n").is_on(Option::altnamespace));
  for (const char* off : {"0", "no", "nix", "off", "false"}) {
    CHECK_FALSE(good(std::string("altnamespace: ") + off + "\n").is_on(Option::altnamespace));
  }
  for (const char* on : {"1", "yes", "on", "true", "once"}) {
    CHECK(good(std::string("hashimapspool: ") + on + "\n").is_on(Option::hashimapspool));
  }
  CHECK(good("virtdomains: t\n").text(Option::virtdomains) == "on");
  CHECK(good("virtdomains: 0\n").text(Option::virtdomains) == "off");
  const Config bits = good("metapartition_files: header\theader index\n");
  CHECK(bits.text(Option::metapartition_files) == "header index");
  CHECK(bits.has_word(Option::metapartition_files, "index"));
  CHECK_FALSE(bits.has_word(Option::metapartition_files, "cache"));
  CHECK(good("timeout: 1h30\n").seconds(Option::timeout) == 3600 + 30 * 60);
  CHECK(good("timeout: 45\n").seconds(Option::timeout) == 45 * 60);
  CHECK(good("archive_after: 1d\n").seconds(Option::archive_after) == 86400);
  CHECK(good("maxquoted: 4K\n", {.release = v3_8}).byte_count(Option::maxquoted) == 4096);
  CHECK(good("admins: a  b\tc\n").words(Option::admins) == std::vector<std::string>{"a", "b", "c"});
  CHECK(good("admins: a b\n").is_admin("b"));
  CHECK_FALSE(good("admins: ab\n").is_admin("b"));
}

TEST_CASE("imapd.conf: durations and sizes") {
  CHECK(parse_duration("1h30m", 's').value() == 5400);
  CHECK(parse_duration("1m1m", 's').value() == 120);
  CHECK(parse_duration("-5m", 's').value() == -300);
  CHECK(parse_duration("5", 'd').value() == 5 * 86400);
  CHECK(parse_duration("99999999999999999999d", 'd').value() == INT64_MAX);
  for (const char* text : {"", "m", "5M", "5 m", "5m-3", "1h 30", "x", "-", "1mm"}) {
    INFO(text);
    CHECK_FALSE(parse_duration(text, 's').has_value());
  }
  CHECK(parse_bytesize("10 MiB", 'B').value() == 10485760);
  CHECK(parse_bytesize("128", 'K').value() == 131072);
  CHECK(parse_bytesize("128B", 'K').value() == 128);
  CHECK(parse_bytesize("-1g", 'B').value() == -1073741824);
  for (const char* text : {"", "K", "1 Ki B", "1T", "1iB", "1KB2", "--1"}) {
    INFO(text);
    CHECK_FALSE(parse_bytesize(text, 'B').has_value());
  }
}

TEST_CASE("imapd.conf: a program's own options win") {
  const LoadRequest quota{.ident = "quota"};
  CHECK(good("quota_admins: foo\nadmins: bar\n", quota).text(Option::admins) == "foo");
  CHECK(good("admins: bar\nQUOTA_ADMINS: foo\n", quota).text(Option::admins) == "foo");
  CHECK(good("admins: bar\nquota_admins: foo\n").text(Option::admins) == "bar");
  CHECK(good("quota_zork: a\nzork: b\n", quota).overflow("zork") == "a"sv);
  CHECK(good("quota_zork: a\nzork: b\n").overflow("zork") == "b"sv);
  CHECK(good("quota_db: flat\n", quota).text(Option::quota_db) == "flat");
  CHECK(fails("quota_maxquoted: x\n", quota) == "non-integer value for quota_maxquoted in line 3");
  CHECK(good("quota_maxquoted: x\n").overflow("quota_maxquoted") == "x"sv);
}

TEST_CASE("imapd.conf: old names") {
  const Config old = good("archive_days: 3\n");
  CHECK(old.text(Option::archive_after) == "3");
  CHECK(old.seconds(Option::archive_after) == 3 * 86400);
  CHECK(old.warnings().size() == 1);
  CHECK(good("archive_days: 3\narchive_after: 5d\n").text(Option::archive_after) == "5d");
  CHECK(good("archive_days: 3\n", {.release = v3_0}).warnings().empty());
}

TEST_CASE("imapd.conf: releases") {
  const auto value = [](Option option, Release release) {
    return std::string(good("", {.release = release}).text(option));
  };
  CHECK(value(Option::defaultpartition, v2_2) == "default");
  CHECK(value(Option::defaultpartition, {2, 3, 15}) == "default");
  CHECK(value(Option::defaultpartition, {2, 3, 16}).empty());
  CHECK(value(Option::implicit_owner_rights, v2_2) == "lca");
  CHECK(value(Option::implicit_owner_rights, v3_0) == "lkxa");
  CHECK(value(Option::implicit_owner_rights, v3_6) == "lkxan");
  CHECK(value(Option::altnamespace, v2_5) == "no");
  CHECK(value(Option::altnamespace, v3_0) == "yes");
  CHECK(value(Option::delete_mode, v2_4) == "immediate");
  CHECK(value(Option::delete_mode, v2_5) == "delayed");
  CHECK(value(Option::mboxlist_db, v2_4) == "skiplist");
  CHECK(value(Option::duplicate_db, v2_3) == "berkeley-nosync");
  CHECK(good("mboxlist_db: berkeley\n", {.release = v2_4}).text(Option::mboxlist_db) == "berkeley");
  CHECK(good("mailbox_legacy_dirs: maybe\n", {.release = v3_4}).overflow("mailbox_legacy_dirs") == "maybe"sv);
  CHECK(good("maxquoted: x\n", {.release = v2_1}).text(Option::maxquoted) == "131072");
  const auto later = good("mailbox_legacy_dirs: yes\n", {.release = v3_4}).for_release(v3_6);
  REQUIRE_OK(later);
  CHECK(later->is_on(Option::mailbox_legacy_dirs));
  CHECK_FALSE(good("mailbox_legacy_dirs: maybe\n", {.release = v3_4}).for_release(v3_6).has_value());
  CHECK(Release::parse("2.3.16-Debian-1")->text() == "2.3.16");
  CHECK(Release::parse("3.6") == Release{3, 6, 0});
  CHECK_FALSE(Release::parse("x").has_value());
  CHECK_FALSE(Release::parse("3").has_value());
}

TEST_CASE("imapd.conf: files") {
  const test::TempDir dir;
  const auto load = [&](const char* name, LoadRequest request = {}) {
    return Config::load(posix_io(), dir / name, request);
  };
  const std::string path = dir.path().string();
  write(dir / "inc.conf", "admins: a\n");
  write(dir / "main.conf", std::string(base) + "@INCLUDE: " + path + "/inc.conf\n");
  CHECK(load("main.conf").value().text(Option::admins) == "a");
  write(dir / "twice.conf", std::string(base) + "@include: " + path + "/inc.conf\nadmins: b\n");
  CHECK(load("twice.conf").error().text() ==
        "option 'admins' was specified twice in config file (second occurrence on line 4)");
  write(dir / "self.conf", "@include: " + path + "/self.conf\n");
  CHECK(load("self.conf").error().text() == "configuration file " + path + "/self.conf included twice");
  write(dir / "bad.conf", "x y: z\n");
  write(dir / "outer.conf", "# comment\n@include: " + path + "/bad.conf\n");
  CHECK(load("outer.conf").error().text() ==
        "invalid option name on line 1 of configuration file " + path + "/bad.conf");
  CHECK(load("nosuch.conf").error().text() ==
        "can't open configuration file " + path + "/nosuch.conf: No such file or directory");
  CHECK(exit_status(load("nosuch.conf").error()) == 78);
  CHECK_FALSE(load("").has_value());  // a directory
  const std::string prefix = path + "/prefix";
  write(fs::path(path + "/prefixed.conf"), "configdirectory: /plain\n");
  REQUIRE_OK(posix_io().make_directories(fs::path(prefix + path), 0700));
  write(fs::path(prefix + path + "/prefixed.conf"), "configdirectory: /other\n");
  CHECK(load("prefixed.conf", {.prefix = prefix}).value().text(Option::configdirectory) == "/other");
  CHECK(load("main.conf", {.prefix = prefix}).value().text(Option::configdirectory) == "/c");
  CHECK(load("prefixed.conf", {.release = v2_3, .prefix = prefix}).value().text(Option::configdirectory) ==
        "/plain");
}

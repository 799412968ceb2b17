// Commands run on a store in memory: what they ask of it, what they print and how they fail.
#include "cyradm/shell.h"

#include <algorithm>

#include "cyradm/commands/import_file.h"
#include "cyradm/completion.h"
#include "cyradm/dry_run.h"
#include "cyradm/password.h"
#include "tests/support/check.h"
#include "tests/support/temp_dir.h"
#include "tests/support/temp_store.h"
#include "tests/unit/cyradm/fake_backend.h"

using namespace cyr;
using namespace cyr::cyradm;
using cyr::test::FakeBackend;

namespace {

struct Ran {
  std::string out;
  std::string err;
  std::vector<std::string> done;
  int status = 0;
};

Settings plain_settings() {
  Settings settings;
  settings.compat = true;  // messages as in the transcripts
  return settings;
}

class Fixture {
 public:
  explicit Fixture(Settings settings = plain_settings()) : session(settings) {
    auto owned = std::make_unique<FakeBackend>();
    backend = owned.get();
    backend->mailboxes = {"user/alice", "user/alice/Sent", "user/bob", "shared"};
    backend->acls["user/bob"] = {{"bob", "lrswipkxtecdan"}, {"anyone", "p"}};
    backend->quotas["user/bob"] = {"user/bob", {{"STORAGE", 2, 1000}, {"MESSAGE", 1, 3}}};
    session.set_backend(std::move(owned));
  }
  Ran run(const std::string& line, ShellOptions options = {}) {
    const test::TempDir folder;
    const std::string out = (folder.path() / "out").string();
    const std::string err = (folder.path() / "err").string();
    Ran ran;
    {
      Streams streams;
      REQUIRE_OK(streams.apply({Redirect::Kind::write, 1, out, 0}));
      REQUIRE_OK(streams.apply({Redirect::Kind::write, 2, err, 0}));
      auto* const before = session.exchange_streams(&streams);
      Shell shell(session, options);
      TextSource source("test", line, OpenQuotes::end_at_line);
      shell.run(source);
      ran.status = shell.exit_status();
      (void)streams.flush();
      session.exchange_streams(before);
    }
    ran.out = test::read_text(out);
    ran.err = test::read_text(err);
    if (session.connected()) {  // a session that has disconnected took the backend with it
      ran.done = backend->done;
      backend->done.clear();
    }
    return ran;
  }
  Session session;
  FakeBackend* backend;
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("each command asks the store for what it should", "[cyradm]") {
  Fixture fixture;
  const auto done = [&fixture](const std::string& line) { return fixture.run(line).done; };
  CHECK(done("cm user/dan") == Lines{"create user/dan - -"});
  CHECK(done("cm user/dan/Box two") == Lines{"create user/dan/Box two -"});
  CHECK(done("cm -p two user/dan/Tcl") == Lines{"create user/dan/Tcl two -"});
  CHECK(done("createmailbox --specialuse \\\\Junk user/dan/Spam") == Lines{"create user/dan/Spam - \\Junk"});
  CHECK(done("cm user/Entw\xc3\xbcrfe") == Lines{"create user/Entw&APw-rfe - -"});
  CHECK(done("dm user/bob") == Lines{"delete user/bob"});
  CHECK(done("renm user/a user/b two") == Lines{"rename user/a user/b two"});
  CHECK(done("rename --partition two user/a user/b") == Lines{"rename user/a user/b two"});
  CHECK(done("sam user/bob eve all -fred read anyone none") == Lines{"setacl user/bob eve \"lrswipkxtea\"",
                                                                     "setacl user/bob -fred \"lrs\"",
                                                                     "setacl user/bob anyone \"\""});
  CHECK(done("sam user/bob eve +append ann -lr") ==
        Lines{"setacl user/bob eve \"+lrsip\"", "setacl user/bob ann \"-lr\""});
  CHECK(done("dam user/bob *") == Lines{"deleteacl user/bob bob", "deleteacl user/bob anyone"});
  CHECK(done("sq user/bob 100") == Lines{"setquota user/bob STORAGE 100"});
  CHECK(done("sq user/bob MESSAGE 100 STORAGE 2000") == Lines{"setquota user/bob MESSAGE 100 STORAGE 2000"});
  CHECK(done("sq user/bob none") == Lines{"setquota user/bob"});
  CHECK(done("mboxcfg user/bob expire 30") ==
        Lines{"metadata user/bob /shared/vendor/cmu/cyrus-imapd/expire 30"});
  CHECK(done("mboxconfig --private user/bob comment x") == Lines{"metadata user/bob /private/comment x"});
  CHECK(done("mboxcfg user/bob bogus 1") == Lines{"metadata user/bob /sharedbogus 1"});
  CHECK(done("setmd user/bob comment x") == Lines{"metadata user/bob /private/comment x"});
  CHECK(done("setmd user/bob expire none") ==
        Lines{"metadata user/bob /shared/vendor/cmu/cyrus-imapd/expire NIL"});
  CHECK(done("setinfo motd \"hello there\"") == Lines{"metadata  /shared/motd hello there"});
  CHECK(done("sub shared; unsub shared") == Lines{"subscribe shared", "unsubscribe shared"});
  CHECK(done("reconstruct -r user/bob") == Lines{"reconstruct user/bob -r"});
  CHECK(done("xfer user/bob other.example.org two") == Lines{"xfer user/bob other.example.org two"});
}

TEST_CASE("patterns: progress on standard output, up to the first failure", "[cyradm]") {
  Fixture fixture;
  auto ran = fixture.run("sam user/% ops lrs");
  CHECK(ran.out == "Setting ACL on user/alice...OK.\nSetting ACL on user/bob...OK.\n");
  CHECK(ran.done.size() == 2);
  fixture.backend->refuse = "user/alice/Sent";
  ran = fixture.run("dm user/alice*");
  CHECK(ran.out ==
        "Deleting mailbox user/alice...OK.\nDeleting mailbox user/alice/Sent...Permission denied\n");
  CHECK(ran.err.empty());
  CHECK(ran.done == Lines{"delete user/alice"});
  CHECK(fixture.run("dm nosuch*").out.empty());
  fixture.backend->mailboxes = {"user/zoe", "shared/news", "DELETED/shared"};
  CHECK(fixture.run("sub *").done ==  // sorted, whatever the store's order
        Lines{"subscribe DELETED/shared", "subscribe shared/news", "subscribe user/zoe"});
}

TEST_CASE("listings have the stock layout", "[cyradm]") {
  Fixture fixture;
  CHECK(fixture.run("lm user/alice*").out ==
        "user/alice (\\HasNoChildren)       user/alice/Sent (\\HasNoChildren)  \n");
  CHECK(fixture.run("lm -one shared").out == "shared\n");
  CHECK(fixture.run("lam user/bob").out == "bob lrswipkxtecdan\nanyone p\n");
  CHECK(fixture.run("lq user/bob").out == " STORAGE 2/1000 (0.2%) MESSAGE 1/3 (33.3333333333333%)\n");
  CHECK(fixture.run("lqr user/bob").out ==
        "user/bob STORAGE 2/1000 (0.2%) MESSAGE 1/3 (33.3333333333333%)\n");
  CHECK(fixture.run("version").out == "name       : Cyrus IMAPD\nenvironment: a\n             b\n");
  // compat: a NIL that another entry follows is followed by a blank.
  CHECK(fixture.run("info user/bob").out ==
        "{user/bob}:\n  private:\n    comment: mine\n    sort: NIL \n  shared:\n    comment: NIL\n    size: "
        "0\n");
  CHECK(fixture.run("lam --json user/bob").out ==
        "{\"mailbox\":\"user/bob\",\"identifier\":\"bob\",\"rights\":\"lrswipkxtecdan\"}\n"
        "{\"mailbox\":\"user/bob\",\"identifier\":\"anyone\",\"rights\":\"p\"}\n");
}

TEST_CASE("failures in the words of the transcripts", "[cyradm]") {
  Fixture fixture;
  const auto err = [&fixture](const std::string& line) { return fixture.run(line).err; };
  CHECK(err("lam user/alice bad") == "usage: listaclmailbox mailbox\n");
  CHECK(err("lam nosuch") == "Mailbox does not exist\n");
  CHECK(err("cm a b c") == "usage: createmailbox [--partition partition] mailbox [partition]\n");
  CHECK(err("cm -x a") ==
        "usage: createmailbox [--partition partition] [--specialuse specialuse] mailbox [partition]\n");
  CHECK(err("dm a b") == "usage: deletemailbox mailbox\n");
  CHECK(err("lm -x") == "usage: listmailbox [-subscribed] [-specialuse] [pattern [base]]\n");
  CHECK(err("reconstruct -x user/alice") == "usage: reconstruct [-r] mailbox\n");
  CHECK(err("sq user/bob STORAGE abc") == "setquota: STORAGE: abc: not a number\n");
  CHECK(err("sq user/bob STORAGE 1 MESSAGE") ==
        "usage: setquota mailbox limit num [limit num ...]\n       setquota mailbox num\n");
  CHECK(err("version x") == "usage: version\n");
  CHECK(err("exit -1") == "usage: exit [number]\n");
  CHECK(err("echo hi &") == "syntax error: cannot deal with `&' here\n");
  CHECK(err("nosuchcmd") == "nosuchcmd: No such file or directory\n");
  // Every pair that fails is told, not only when the last one does.
  CHECK(err("sam user/bob eve zzz dave lrs") == "setaclmailbox: eve: zzz: The z right is not supported\n");
  CHECK(fixture.run("lq nosuch").out == "\n");
  fixture.session.set_backend(nullptr);
  CHECK(err("lm") == "listmailbox: no connection to server\n");
  CHECK(err("server") == "server: no connection to server\n");
}

TEST_CASE("a script stops at the first failure and says where", "[cyradm]") {
  Settings settings;
  Fixture fixture(settings);
  fixture.backend->refuse = "user/bob";
  const auto ran = fixture.run("cm x\ndm user/bob\ncm y\n");
  CHECK(ran.status == 1);
  CHECK(ran.done == Lines{"create x - -"});
  CHECK(ran.err == "deletemailbox: Permission denied\ncyradm: test:2: dm user/bob: Permission denied\n");
  const auto all = fixture.run("dm user/bob\ncm y\n", {.stop_at_failure = false});
  CHECK(all.status == 1);
  CHECK(all.done == Lines{"create y - -"});
  CHECK(fixture.run("cm z\n").status == 0);
  CHECK(Fixture().run("lam nosuch\n").status == 0);  // compat
}

TEST_CASE("exit", "[cyradm]") {
  const auto status = [](const std::string& line) { return Fixture().run(line).status; };
  CHECK(status("exit 3\ncm x") == 3);
  CHECK(status("quit 300") == 44);
  CHECK(status("exit abc") == 0);
}

TEST_CASE("redirections hold for one command", "[cyradm]") {
  const test::TempDir folder;
  const std::string file = (folder / "out").string();
  Fixture fixture;
  const auto ran = fixture.run("lam user/bob > " + file + "; lam user/bob >> " + file + "; lam nosuch 2>> " +
                                   file + "; lam nosuch 2>&1; lm shared",
                               {.stop_at_failure = false});
  CHECK(test::read_text(file) ==
        "bob lrswipkxtecdan\nanyone p\nbob lrswipkxtecdan\nanyone p\nMailbox does not exist\n");
  CHECK(ran.out == "Mailbox does not exist\nshared (\\HasNoChildren)  \n");
  CHECK(ran.err.empty());
}

TEST_CASE("hints to take a change back", "[cyradm]") {
  Settings settings = plain_settings();
  settings.undo_hints = true;
  Fixture fixture(settings);
  CHECK(fixture.run("sam user/bob anyone none carol all").err ==
        "undo: setaclmailbox user/bob anyone p carol none\n");
  CHECK(fixture.run("dam user/bob anyone").err == "undo: setaclmailbox user/bob anyone p\n");
  CHECK(fixture.run("sq user/bob 5").err == "undo: setquota user/bob STORAGE 1000 MESSAGE 3\n");
  CHECK(fixture.run("sq user/alice 5").err == "undo: setquota user/alice none\n");
  CHECK(fixture.run("renm a \"b c\"").err == "undo: renamemailbox \"b c\" a\n");
}

TEST_CASE("dry runs: --dry-run says what would be done and does nothing", "[cyradm]") {
  auto owned = std::make_unique<FakeBackend>();
  auto* const backend = owned.get();
  backend->mailboxes = {"user/bob", "user/carol"};
  std::vector<std::string> said;
  DryRunBackend dry(std::move(owned), [&said](const std::string& line) { said.push_back(line); });
  REQUIRE_OK(dry.create("x", {"fast", "\\Junk"}));
  REQUIRE_OK(dry.set_quota("user/bob", {{"STORAGE", 5}}));
  REQUIRE_OK(dry.rename("a", "a", "fast"));
  CHECK(said == Lines{"would create x on partition fast for \\Junk",
                      "would set the limits of user/bob to STORAGE 5", "would move a to partition fast"});
  CHECK(backend->done.empty());
}

TEST_CASE("import reads CSV and JSON alike", "[cyradm]") {
  const auto csv = parse_import(
      "user,quota,acl,folders\n"
      "ann,1000,\"ann all anyone p\",Sent:\\Sent;Drafts\n"
      "\"bob\",STORAGE 5 MESSAGE 7,,\n");
  REQUIRE_OK(csv);
  REQUIRE(csv->size() == 2);
  CHECK((*csv)[0].user == "ann");
  CHECK((*csv)[0].quota.at(0).limit == 1000);
  CHECK((*csv)[0].acl.size() == 2);
  CHECK((*csv)[0].folders.at(0).special_use == "\\Sent");
  CHECK((*csv)[1].quota.at(1).resource == "MESSAGE");
  const auto json = parse_import(R"([{"user":"ann","quota":{"STORAGE":1000},"acl":{"ann":"all","anyone":"p"},
      "folders":{"Sent":"\\Sent","Drafts":""}},{"user":"bob","quota":7}])");
  REQUIRE_OK(json);
  CHECK((*json)[0].acl.at(1).rights == "p");
  CHECK((*json)[0].folders.at(0).special_use == "\\Sent");
  CHECK_FALSE((*json)[0].folders.at(1).special_use);
  CHECK((*json)[1].quota.at(0).limit == 7);
  for (const char* bad : {"", "user,shoe\nann,42\n", "user,quota\nann,lots\n", "quota\n5\n", "user\n\"ann\n",
                          "[{\"user\":1.5}]", "[1]", "{\"user\":\"a\"", "user,mailbox\na,b\n"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_import(bad));
  }
}

TEST_CASE("import creates, and takes what is there as it is", "[cyradm]") {
  const test::TempDir folder;
  test::write_text(folder / "users.csv", "user,quota,acl\njoe.smith,100,joe.smith all\n");
  Fixture fixture;
  const auto ran = fixture.run("import " + (folder / "users.csv").string());
  CHECK(ran.out == "user/joe.smith: created, quota set, ACL set\n");
  CHECK(ran.done == Lines{"create user/joe.smith - -", "setquota user/joe.smith STORAGE 100",
                          "setacl user/joe.smith joe.smith \"lrswipkxtea\""});
}

TEST_CASE("completion follows the command's words", "[cyradm]") {
  Fixture fixture;
  Completer completer(fixture.session);
  const auto words = [&completer](const std::string& before, const std::string& word) {
    return completer.complete(before, word).words;
  };
  CHECK(words("", "listq") == Lines{"listquota", "listquotaroot"});
  CHECK(words("lm; ", "setq") == Lines{"setquota"});
  CHECK(words("cm ", "--p") == Lines{"--partition"});
  CHECK(words("cm --partition ", "f") == Lines{"fast"});
  CHECK(words("lam ", "user/b") == Lines{"user/bob"});
  CHECK(words("lam ", "user/alice/") == Lines{"user/alice/Sent"});
  CHECK(words("sam user/bob ", "any") == Lines{"anyone"});
  CHECK(words("sam user/bob anyone ", "re") == Lines{"read"});
  CHECK(words("sam user/bob anyone read ", "al") == Lines{"alice"});
  CHECK(words("sq user/bob ", "mes") == Lines{"MESSAGE"});
  CHECK(words("setinfo ", "mo") == Lines{"motd"});
  CHECK(completer.complete("cd ", "/").files);
  const auto parent = completer.complete("lam ", "user/al");
  CHECK(parent.words == Lines{"user/alice"});
  CHECK(parent.open_ended);  // others lie below it
}

TEST_CASE("netrc files", "[cyradm]") {
  const auto password = [](const char* text) {
    auto found = netrc_password(text, "mail.example.org", "admin");
    return found ? found->value_or("(none)") : "error";
  };
  CHECK(password("machine mail.example.org login admin password s3cret") == "s3cret");
  CHECK(password("machine other password x\nmachine MAIL.example.org\n password \"two words\"") ==
        "two words");
  CHECK(password("machine mail.example.org login joe password x\ndefault password y") == "y");
  CHECK(password("# machine mail.example.org password x\n") == "(none)");
  CHECK(password("macdef init\nmachine mail.example.org password x\n\nmachine mail.example.org password z") ==
        "z");
  CHECK(password("machine mail.example.org pasword x") == "error");
}

TEST_CASE("every command has what help and the manual page need", "[cyradm]") {
  const auto commands = all_commands();
  CHECK(std::is_sorted(commands.begin(), commands.end(),
                       [](const Command* a, const Command* b) { return a->name < b->name; }));
  const std::string page = test::read_text(fs::path(CYRKIT_SOURCE_DIR) / "man/cyradm.8");
  for (const auto* command : commands) {
    CAPTURE(command->name);
    CHECK(find_command(command->name) == command);
    CHECK(command->run != nullptr);
    CHECK_FALSE(command->summary.empty());
    CHECK(page.find("\n.It Ic " + std::string(command->name)) != std::string::npos);
    for (const auto alias : command->aliases) {
      if (!alias.empty()) {
        CHECK(find_command(alias) == command);
        const std::string word = alias == "?" ? "\\&?" : std::string(alias);  // as mdoc wants it
        CHECK(page.find(" Ic " + word) != std::string::npos);
      }
    }
    for (const auto& option : command->options) {
      CAPTURE(option.name);
      CHECK(page.find("Fl " + std::string(option.name)) != std::string::npos);
    }
  }
}

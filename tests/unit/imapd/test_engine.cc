// Whole sessions without a connection, on a store of the real 3.6.1. The answers are those of the real imapd
// on the same store (tests/interop/imapd.py compares more of them, live).
#include "server-min/imapd/engine.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"
#include "tests/unit/imapd/command_source.h"

using namespace cyr;
using namespace cyr::imapd;
using cyr::test::StringSource;
using cyr::test::TempStore;

namespace {

// Lets everybody in whose password is "secret".
class FakeTransport : public Transport {
 public:
  explicit FakeTransport(std::string& sent) : sent_(sent) {}
  bool can_start_tls() override { return false; }
  bool tls_active() override { return false; }
  bool plaintext_allowed() override { return true; }
  std::string mechanisms() override { return "AUTH=PLAIN"; }
  Status start_tls() override { return success(); }
  Status start_compression() override { return success(); }
  LoginOutcome login(const std::string& user, const std::string& password) override {
    LoginOutcome outcome;
    outcome.kind = password == "secret" ? LoginOutcome::Kind::accepted : LoginOutcome::Kind::refused;
    outcome.text = "Login failed: authentication failure";
    outcome.user = user;
    outcome.admin = user == "cyrus";
    return outcome;
  }
  LoginOutcome authenticate(const std::string&, const std::optional<std::string>&) override { return {}; }
  Status welcome(const std::string& line) override {
    sent_ += line;
    return success();
  }
  void log_out_user() override {}
  Wake wait(int, std::chrono::milliseconds) override { return Wake::input; }
  void show(std::string_view, std::string_view) override {}
  std::string session_id() const override { return "id"; }
  std::string version() const override { return "0"; }

 private:
  std::string& sent_;
};

struct Served {
  explicit Served(const std::string& name) : files(name), store(open(files)) {}
  static std::unique_ptr<store::Store> open(const TempStore& files) {
    return store::Store::open(posix_io(), fs::path(files.conf()), {.ident = "imap"}).value();
  }
  // What a session with these commands (lines without CRLF) gets.
  std::string run(const std::string& commands) {
    std::string sent;
    FakeTransport transport(sent);
    Session session(*store, transport, [&](std::string_view bytes) {
      sent += bytes;
      return success();
    });
    StringSource source(test::replace_all(commands, "\n", "\r\n"));
    Engine(session, source).run();
    sent = test::replace_all(sent, "\r\n", "\n");
    const std::size_t login = sent.find("logged in");
    return login == std::string::npos ? sent : sent.substr(sent.find('\n', login) + 1);
  }
  TempStore files;
  std::unique_ptr<store::Store> store;
};

bool has(const std::string& text, std::string_view line) { return text.find(line) != std::string::npos; }

}  // namespace

TEST_CASE("states of a session: what may be said when") {
  Served served("classic");
  const std::string before = served.run("a SELECT INBOX\nb FOO\nc\n\nd LOGIN bovik wrong\ne LOGOUT\n");
  CHECK(before ==
        "a BAD Please login first\nb BAD Please login first\nc BAD Null command\n* BAD Invalid tag\n"
        "d NO Login failed: authentication failure\n* BYE LOGOUT received\ne OK Completed\n");
  const std::string after = served.run(
      "a LOGIN bovik secret\nb LOGIN bovik secret\nc FOO\nd FETCH 1 FLAGS\ne NAMESPACE\nf NOOP x\ng UID FOO "
      "x\n");
  CHECK(after ==
        "b BAD Already logged in\nc BAD Unrecognized command\nd BAD Please select a mailbox first\n"
        "* NAMESPACE ((\"INBOX.\" \".\")) ((\"user.\" \".\")) ((\"\" \".\"))\ne OK Completed\n"
        "f BAD Unexpected extra arguments to Noop\ng BAD Unrecognized UID subcommand\n");
}

TEST_CASE("SELECT, EXAMINE and STATUS say what the real imapd says") {
  Served served("classic");
  const std::string got = served.run(
      "a LOGIN bovik secret\nb STATUS INBOX (MESSAGES RECENT UIDNEXT UNSEEN SIZE HIGHESTMODSEQ)\nc EXAMINE "
      "INBOX\n"
      "d SELECT INBOX\ne SELECT INBOX\nf SELECT user.wes\n");
  CHECK(has(got,
            "* STATUS INBOX (MESSAGES 77 RECENT 2 UIDNEXT 114 UNSEEN 63 SIZE 614510 HIGHESTMODSEQ 172)\n"));
  const std::string box =
      "* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen Bills Read-It Holiday Urgent ToDo Recipes "
      "Bovik Later)\n";
  CHECK(has(got, "* 77 EXISTS\n* 2 RECENT\n" + box + "* OK [PERMANENTFLAGS ()] Ok\n* OK [UNSEEN 1] Ok\n"));
  CHECK(has(got, "c OK [READ-ONLY] Completed\n* OK [CLOSED] Ok\n* 77 EXISTS\n* 2 RECENT\n"));
  // \Recent is gone after the first SELECT.
  CHECK(has(got, "d OK [READ-WRITE] Completed\n* OK [CLOSED] Ok\n* 77 EXISTS\n* 0 RECENT\n"));
  CHECK(has(got, "* OK [CLOSED] Ok\nf NO Mailbox does not exist\n"));
}

TEST_CASE("two sessions: flags are told at once, expunges when numbers may change") {
  Served served("classic");
  std::string sent;
  FakeTransport transport(sent);
  const auto write = [&](std::string_view bytes) {
    sent += bytes;
    return success();
  };
  Session other(*served.store, transport, write);
  StringSource other_source(
      "a LOGIN bovik secret\r\nb SELECT INBOX\r\nc FETCH 1 FLAGS\r\nd NOOP\r\ne FETCH 1 UID\r\n");
  Engine other_engine(other, other_source);
  REQUIRE(other_engine.step());
  REQUIRE(other_engine.step());
  served.run("a LOGIN bovik secret\nb SELECT INBOX\nc STORE 1,3 +FLAGS.SILENT (\\Deleted)\nd EXPUNGE\n");
  REQUIRE(other.out.flush());
  sent.clear();
  REQUIRE(other_engine.step());
  REQUIRE(other.out.flush());
  CHECK(has(sent, "* 1 FETCH (FLAGS (\\Deleted))\r\n"));
  CHECK_FALSE(has(sent, "EXPUNGE"));
  sent.clear();
  REQUIRE(other_engine.step());
  REQUIRE(other.out.flush());
  CHECK(sent == "* 1 EXPUNGE\r\n* 2 EXPUNGE\r\nd OK Completed\r\n");
  sent.clear();
  REQUIRE(other_engine.step());
  REQUIRE(other.out.flush());
  CHECK(has(sent, "* 1 FETCH (UID 6)\r\n"));
}

TEST_CASE("searches find what the real imapd finds") {
  Served served("classic");
  const std::string got = served.run(
      "a LOGIN bovik secret\nb EXAMINE INBOX\nc SEARCH FROM bovik\nd SEARCH SUBJECT re\ne SEARCH BODY "
      "message\n"
      "f SEARCH LARGER 1000 SMALLER 5000\ng SEARCH RETURN (MIN MAX COUNT) ALL\nh SEARCH CHARSET UTF-8 "
      "SUBJECT "
      "{7+}\nGr\xC3\xBC\xC3\x9F"
      "e\ni SEARCH SINCE 1-Jan-2020\nj UID SEARCH RETURN (ALL) FROM bovik\n");
  CHECK(has(got, "* SEARCH 44 56 60\nc OK"));
  CHECK(has(got, "* SEARCH 27\nd OK"));
  CHECK(has(got, "* SEARCH 3 12 14 15 36 51 52 58 72\ne OK"));
  CHECK(has(got, "* SEARCH 2 3 14 15 31 33 35 36 52 57 70 71 72\nf OK"));
  CHECK(has(got, "* ESEARCH (TAG \"g\") COUNT 77 MIN 1 MAX 77\ng OK"));
  CHECK(has(got, "* SEARCH 23 60\nh OK"));
  CHECK(has(got, "* SEARCH 1 2 3 4 5 6 76 77\ni OK"));
  CHECK(has(got, "* ESEARCH (TAG \"j\") UID ALL 67,89,93\nj OK"));
}

TEST_CASE("a message goes in, is copied, moved and expunged") {
  Served served("classic");
  const std::string got = served.run(
      "a LOGIN bovik secret\nb CREATE INBOX.app\nc APPEND INBOX.app (\\Seen kw) \"01-Jan-2020 10:11:12 "
      "+0100\" {35+}\n"
      "From: a@b.c\nSubject: two\n\nbody\n\nd APPEND INBOX.nope {3}\ne SELECT INBOX.app\nf FETCH 1 (FLAGS "
      "RFC822.SIZE "
      "BODY.PEEK[TEXT])\ng COPY 1 INBOX\nh MOVE 1 INBOX\ni APPEND INBOX.app {5+}\nabcde\nj APPEND INBOX.app "
      "(\\Foo) {1}\n");
  CHECK(has(got, " 1] Completed\nd NO [TRYCREATE] Mailbox does not exist\n"));
  CHECK(has(got, "* 1 FETCH (FLAGS (\\Recent \\Seen kw) RFC822.SIZE 35 BODY[TEXT] {6}\nbody\n)\n"));
  CHECK(has(got, " 1 114] Completed\n"));
  CHECK(has(got, " 1 115] Completed\n* 1 EXPUNGE\nh OK Completed\n"));
  CHECK(has(got, "i NO Message contains invalid header\n"));
  CHECK(has(got, "j BAD Invalid flag in Append command\n"));
}

// What one connection knows, and what a command's handler gets and gives back.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "format/store/administration.h"
#include "server-min/imapd/caller.h"
#include "server-min/imapd/output.h"
#include "server-min/imapd/parser.h"
#include "server-min/imapd/selected.h"

namespace cyr::imapd {

// The tagged answer of a command.
struct Answer {
  enum class Kind : std::uint8_t {
    ok,
    no,
    bad,
    sent,  // the handler has answered itself
  };
  Kind kind = Kind::ok;
  std::string text = "Completed";  // with its response code: "[READ-ONLY] Completed"
};
[[nodiscard]] inline Answer ok(std::string text = "Completed") { return {Answer::Kind::ok, std::move(text)}; }
[[nodiscard]] inline Answer no(std::string text) { return {Answer::Kind::no, std::move(text)}; }
[[nodiscard]] inline Answer bad(std::string text) { return {Answer::Kind::bad, std::move(text)}; }

// An Error that answers NO with exactly this text, from any depth of a handler.
[[nodiscard]] Error refuse(std::string text);
// The answer that an Error means: BAD for Errc::invalid (a CommandParser's error), NO with the text of
// refuse(), else NO with Cyrus's words for the trouble (server.md 3.1), which is logged.
[[nodiscard]] Answer answer_for(const Error& error);

// What came of an attempt to log in.
struct LoginOutcome {
  enum class Kind : std::uint8_t { accepted, refused, bad, closed };
  Kind kind = Kind::refused;
  std::string text = {};  // refused, bad: what the client is told
  std::string user = {};  // accepted: canonical
  bool admin = false;
  bool proxy = false;  // may act for others, so nothing is made for him
  std::string alert = {};
};

enum class Wake : std::uint8_t { input, changed, timeout, over };

// What surrounds the IMAP engine: the connection and the login. The service implements it over a socket, the
// tests without one.
class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  [[nodiscard]] virtual bool can_start_tls() = 0;
  [[nodiscard]] virtual bool tls_active() = 0;
  [[nodiscard]] virtual bool plaintext_allowed() = 0;
  // "AUTH=PLAIN AUTH=LOGIN"; "" for none.
  [[nodiscard]] virtual std::string mechanisms() = 0;
  // After the OK went out.
  virtual Status start_tls() = 0;
  virtual Status start_compression() = 0;
  virtual LoginOutcome login(const std::string& user, const std::string& password) = 0;
  // `initial`: SASL-IR's base64 text.
  virtual LoginOutcome authenticate(const std::string& mechanism,
                                    const std::optional<std::string>& initial) = 0;
  // Sends the OK of a login (a whole line); a security layer is in force after it.
  virtual Status welcome(const std::string& line) = 0;
  virtual void log_out_user() = 0;
  // Waits for input, for `descriptor` (-1: none) to be readable, or for the time. `over`: the session must
  // end (shutdown, connection gone); the client was told why.
  virtual Wake wait(int descriptor, std::chrono::milliseconds most) = 0;
  // For the proc directory: which mailbox (internal name) and command this process is at.
  virtual void show(std::string_view mailbox, std::string_view command) = 0;
  [[nodiscard]] virtual std::string session_id() const = 0;
  [[nodiscard]] virtual std::string version() const = 0;
};

struct Session {
  Session(store::Store& its_store, Transport& its_transport, Output::Write write)
      : store(its_store), transport(its_transport), out(std::move(write)) {}

  store::Store& store;
  Transport& transport;
  Output out;
  store::UserLocks locks;
  std::optional<Caller> caller;  // set by the login
  std::unique_ptr<Selected> selected;
  bool condstore = false;
  bool qresync = false;
  bool compressing = false;
  text::SequenceSet saved_result;                    // UIDs of SEARCH RETURN (SAVE)
  std::map<std::string, std::int64_t> quota_alerts;  // quota root: when it was last told
  bool logout = false;                               // the answer to this command is the last one

  [[nodiscard]] const conf::Config& config() const { return store.config(); }
  [[nodiscard]] std::int64_t now() const;  // seconds since 1970

  // Tells what changed in the selected mailbox. `expunges`: see ReportStyle. `uids`: the command had UID.
  void report(bool expunges, bool uids = false);
  void close_selected();
  // Turns CONDSTORE on, with the response that tells it.
  void enable_condstore(std::string_view why);

  // A mailbox that exists here and that the caller may look up. refuse(): "Invalid mailbox name", "Mailbox
  // does not exist".
  Result<meta::MailboxEntry> find_mailbox(std::string_view client_name);
  // One that must grant `right`, and may be out of the caller's sight then. Without it "Permission denied",
  // or "Mailbox does not exist" for one that he may not look up.
  Result<meta::MailboxEntry> find_mailbox(std::string_view client_name, char right);
  Result<names::MailboxName> parse_name(std::string_view client_name) const;
  // As the client spells it; the internal name for one that he cannot.
  [[nodiscard]] std::string print_name(std::string_view internal_name) const;
  // What the operations of format/store need.
  [[nodiscard]] store::Administration administration() {
    return {.store = store, .locks = locks, .actor = caller->actor(), .now = now()};
  }
  // print_name() as an astring.
  [[nodiscard]] std::string quoted_name(std::string_view internal_name) const;
};

struct Invocation {
  Session& session;
  CommandParser& parser;
  std::string tag;
  bool uid = false;  // UID FETCH ...
};

}  // namespace cyr::imapd

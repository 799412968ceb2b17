// Commands about the connection: CAPABILITY, NOOP, CHECK, LOGOUT, ID, ENABLE, NAMESPACE, STARTTLS, COMPRESS,
// LOGIN, AUTHENTICATE, UNAUTHENTICATE.
#include <sys/utsname.h>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/store/autocreate.h"
#include "format/text/imap_string.h"
#include "server-min/imapd/capability.h"
#include "server-min/imapd/commands/registry.h"

namespace cyr::imapd {

namespace {

constexpr std::size_t kMaxIdPairs = 30;     // RFC 2971 3.3
constexpr std::size_t kMaxIdLogged = 1024;  // bytes

// The tagged OK, sent at once: what follows is in another layer.
Result<Answer> answer_now(Invocation& invocation, std::string_view text) {
  Session& session = invocation.session;
  fmt::format_to(std::back_inserter(session.out.buffer()), "{} OK {}\r\n", invocation.tag, text);
  CYR_CHECK(session.out.flush());
  return Answer{Answer::Kind::sent, ""};
}

// A user who logs in for the first time gets his mailboxes. What goes wrong there does not keep him out.
void autocreate(Session& session) {
  store::Administration admin = session.administration();
  if (const auto made = store::autocreate_user(admin, session.caller->actor()); !made) {
    log(LogLevel::error, "autocreate: {}: {}", session.caller->user(), made.error().text());
  }
}

Result<Answer> finish_login(Invocation& invocation, const LoginOutcome& outcome) {
  Session& session = invocation.session;
  switch (outcome.kind) {
    case LoginOutcome::Kind::closed:
      session.logout = true;
      return no("Login failed");
    case LoginOutcome::Kind::bad:
      return bad(outcome.text);
    case LoginOutcome::Kind::refused:
      return no(outcome.text);
    case LoginOutcome::Kind::accepted:
      break;
  }
  session.caller.emplace(session.store, outcome.user, outcome.admin);
  if (!outcome.proxy) {
    autocreate(session);
  }
  if (!outcome.alert.empty()) {
    session.out.untagged("OK [ALERT] {}", outcome.alert);
  }
  CYR_CHECK(session.out.flush());
  CYR_CHECK(session.transport.welcome(fmt::format("{} OK [CAPABILITY {}] User logged in SESSIONID=<{}>\r\n",
                                                  invocation.tag, capabilities(session, false),
                                                  session.transport.session_id())));
  return Answer{Answer::Kind::sent, ""};
}

std::string id_pair(std::string_view name, std::string_view value) {
  std::string out;
  text::append_nstring(out, name);
  out += ' ';
  text::append_nstring(out, value);
  return out;
}

std::string own_id(Session& session) {
  ::utsname system{};
  (void)::uname(&system);
  return "(" + id_pair("name", "cyrkit") + " " + id_pair("version", session.transport.version()) + " " +
         id_pair("vendor", "cyrkit") + " " + id_pair("os", system.sysname) + " " +
         id_pair("os-version", system.release) + ")";
}

std::string namespace_part(std::string_view prefix, char separator) {
  std::string out = "((";
  text::append_nstring(out, prefix);
  return out + " \"" + separator + "\"))";
}

}  // namespace

Result<Answer> run_capability(Invocation& invocation) {
  CYR_CHECK(invocation.parser.end());
  invocation.session.out.untagged("CAPABILITY {}", capabilities(invocation.session, false));
  return ok();
}

Result<Answer> run_noop(Invocation& invocation) {
  CYR_CHECK(invocation.parser.end());
  return ok();
}

Result<Answer> run_check(Invocation& invocation) { return run_noop(invocation); }

Result<Answer> run_logout(Invocation& invocation) {
  CYR_CHECK(invocation.parser.end());
  invocation.session.out.untagged("BYE LOGOUT received");
  invocation.session.logout = true;
  return ok();
}

Result<Answer> run_id(Invocation& invocation) {
  CommandParser& parser = invocation.parser;
  Session& session = invocation.session;
  CYR_CHECK(parser.space());
  std::string client;
  if (!parser.accept_word("NIL")) {
    std::size_t pairs = 0;
    const auto take_pair = [&]() -> Status {
      CYR_TRY(const std::string name, parser.string());
      CYR_CHECK(parser.space());
      CYR_TRY(const auto value, parser.nstring());
      if (++pairs > kMaxIdPairs) {
        return bad_argument("Invalid arguments to Id");
      }
      client += fmt::format(" \"{}\" \"{}\"", name, value.value_or("NIL"));
      return success();
    };
    CYR_CHECK(parser.list(take_pair));
  }
  CYR_CHECK(parser.end());
  if (!client.empty()) {
    log(LogLevel::info, "client id sessionid=<{}>:{}", session.transport.session_id(),
        client.substr(0, kMaxIdLogged));
  }
  session.out.untagged("ID {}",
                       session.config().is_on(conf::Option::imapidresponse) ? own_id(session) : "NIL");
  return ok();
}

Result<Answer> run_enable(Invocation& invocation) {
  CommandParser& parser = invocation.parser;
  Session& session = invocation.session;
  std::string enabled;
  CYR_CHECK(parser.space());
  do {
    CYR_TRY(const std::string word, parser.atom());
    if (equal_ignoring_case(word, "CONDSTORE") && !session.condstore) {
      session.condstore = true;
      enabled += " CONDSTORE";
    } else if (equal_ignoring_case(word, "QRESYNC") && !session.qresync) {
      enabled += session.condstore ? " QRESYNC" : " CONDSTORE QRESYNC";
      session.qresync = session.condstore = true;
    }
  } while (parser.accept(' '));
  CYR_CHECK(parser.end());
  if (!enabled.empty()) {
    session.out.untagged("ENABLED{}", enabled);
  }
  return ok();
}

Result<Answer> run_namespace(Invocation& invocation) {
  CYR_CHECK(invocation.parser.end());
  Session& session = invocation.session;
  const Caller& caller = *session.caller;
  const char separator = caller.separator();
  const names::Namespace& ns = caller.name_space();
  const bool personal = !caller.is_admin() && !caller.is_anonymous();
  if (caller.alternate()) {
    session.out.untagged("NAMESPACE {} {} {}", personal ? namespace_part("", separator) : "NIL",
                         namespace_part(ns.userprefix + separator, separator),
                         namespace_part(ns.sharedprefix + separator, separator));
    return ok();
  }
  session.out.untagged(
      "NAMESPACE {} {} {}", personal ? namespace_part(std::string("INBOX") + separator, separator) : "NIL",
      namespace_part(std::string("user") + separator, separator), namespace_part("", separator));
  return ok();
}

Result<Answer> run_starttls(Invocation& invocation) {
  Session& session = invocation.session;
  CYR_CHECK(invocation.parser.end());
  if (session.transport.tls_active()) {
    return no("TLS already active");
  }
  if (session.caller || !session.transport.can_start_tls()) {
    return bad(session.caller ? "Can't Starttls after authentication" : "Unrecognized command");
  }
  CYR_TRY(const Answer sent, answer_now(invocation, "Begin TLS negotiation now"));
  if (Status started = session.transport.start_tls(); !started) {
    session.logout = true;
  }
  return sent;
}

Result<Answer> run_compress(Invocation& invocation) {
  CommandParser& parser = invocation.parser;
  Session& session = invocation.session;
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string algorithm, parser.atom());
  CYR_CHECK(parser.end());
  if (session.compressing) {
    return no("[COMPRESSIONACTIVE] DEFLATE active");
  }
  if (!equal_ignoring_case(algorithm, "DEFLATE")) {
    return no("Unknown COMPRESS algorithm: " + algorithm);
  }
  CYR_TRY(const Answer sent, answer_now(invocation, "DEFLATE active"));
  session.compressing = true;
  if (Status started = session.transport.start_compression(); !started) {
    session.logout = true;
  }
  return sent;
}

Result<Answer> run_login(Invocation& invocation) {
  CommandParser& parser = invocation.parser;
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string user, parser.astring());
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string password, parser.astring());
  CYR_CHECK(parser.end());
  return finish_login(invocation, invocation.session.transport.login(user, password));
}

Result<Answer> run_authenticate(Invocation& invocation) {
  CommandParser& parser = invocation.parser;
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string mechanism, parser.atom());
  std::optional<std::string> initial;
  if (parser.accept(' ')) {
    initial = parser.take_rest();
  }
  CYR_CHECK(parser.end());
  return finish_login(invocation, invocation.session.transport.authenticate(mechanism, initial));
}

Result<Answer> run_unauthenticate(Invocation& invocation) {
  Session& session = invocation.session;
  CYR_CHECK(invocation.parser.end());
  if (!session.caller->is_admin()) {
    return bad("Unrecognized command");
  }
  session.close_selected();
  session.condstore = session.qresync = false;
  session.quota_alerts.clear();
  session.caller.reset();
  session.transport.log_out_user();
  return ok("[CAPABILITY " + capabilities(session, false) + "] Completed");
}

}  // namespace cyr::imapd

#include "server-min/lmtpd/dialogue.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

#include "format/base/log.h"
#include "format/base/text.h"
#include "server-min/lmtpd/delivery.h"

namespace cyr::lmtpd {
namespace {

using conf::Option;

constexpr std::size_t longest_command = 4096;  // bytes
constexpr std::size_t longest_response = 64U << 10U;
constexpr std::size_t most_recipients = 100'000;
constexpr int most_errors = 100;  // commands that are none; then the client is something else
constexpr std::string_view trusted_user = "postman";

constexpr std::string_view syntax_error = "500 5.5.2 Syntax error\r\n";
constexpr std::string_view bad_parameters = "501 5.5.4 Syntax error in parameters\r\n";

// "Thu, 26 Nov 2026 05:06:04 +0000", local time.
std::string rfc822_date(std::time_t when) {
  constexpr std::array<const char*, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm local{};
  ::localtime_r(&when, &local);
  const long minutes = local.tm_gmtoff / 60;
  const long distance = minutes < 0 ? -minutes : minutes;
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} {}{:02}{:02}",
                     days.at(static_cast<std::size_t>(local.tm_wday)), local.tm_mday,
                     months.at(static_cast<std::size_t>(local.tm_mon)), local.tm_year + 1900, local.tm_hour,
                     local.tm_min, local.tm_sec, minutes < 0 ? '-' : '+', distance / 60, distance % 60);
}

const Parameter* find_parameter(const PathArgument& path, std::string_view name) {
  for (const auto& parameter : path.parameters) {
    if (parameter.name == name) {
      return &parameter;
    }
  }
  return nullptr;
}

}  // namespace

void serve(session::Session& session, bool trusted) { Dialogue(session, trusted).run(); }

Dialogue::Dialogue(session::Session& session, bool trusted)
    : session_(session),
      connection_(session.connection()),
      directory_(session.service()),
      trusted_(trusted || !session.peer().is_tcp()) {
  if (trusted_) {
    session_.login().preauthenticate(std::string(trusted_user));
    log(LogLevel::debug, "connection from {} preauth'd as {}", session_.peer().name, trusted_user);
  }
}

void Dialogue::reply(std::string_view line) { connection_.write(line); }

void Dialogue::run() {
  connection_.set_timeout(std::chrono::seconds(session_.config().seconds(Option::lmtptxn_timeout)));
  if (const auto text = session_.should_end()) {
    reply(fmt::format("421 4.3.2 {}\r\n", *text));
    return;
  }
  reply("220 " + session_.banner("LMTP") + "\r\n");
  while (true) {
    const auto line = connection_.read_line(longest_command);
    if (const auto text = session_.should_end()) {
      reply(fmt::format("421 4.3.2 {}\r\n", *text));
      return;
    }
    if (!line && wire::is_too_long(line.error())) {
      reply("500 5.5.6 Line too long\r\n");
    } else if (!line) {
      if (wire::is_timeout(line.error())) {
        reply("421 4.4.1 bye " + session_.service().server_name() + " idle for too long\r\n");
      }
      return;
    } else if (!serve_command(*line)) {
      return;
    }
    if (errors_ > most_errors) {
      reply("421 4.7.0 too many errors\r\n");
      return;
    }
  }
}

std::string Dialogue::refuse_unauthenticated() const {
  return session_.config().is_on(Option::soft_noauth) ? "430 Authentication required\r\n"
                                                      : "530 Authentication required\r\n";
}

bool Dialogue::serve_command(const std::string& line) {
  const Command command = parse_command(line);
  switch (command.verb) {
    case Verb::lhlo:
      lhlo(command.argument);
      break;
    case Verb::mail:
      mail(command.argument);
      break;
    case Verb::rcpt:
      rcpt(command.argument);
      break;
    case Verb::data:
      return data();
    case Verb::rset:
      reset();
      session_.new_id();
      reply(fmt::format("250 2.0.0 Ok SESSIONID=<{}>\r\n", session_.id()));
      break;
    case Verb::noop:
      reply("250 2.0.0 ok\r\n");
      break;
    case Verb::vrfy:
      reply("252 2.3.3 try RCPT to attempt delivery\r\n");
      break;
    case Verb::auth:
      auth(command.argument);
      break;
    case Verb::starttls:
      return start_tls();
    case Verb::quit:
      reply("221 2.0.0 bye\r\n");
      return false;
    case Verb::unknown:
      ++errors_;
      reply(syntax_error);
      break;
  }
  return true;
}

void Dialogue::reset() {
  sender_.reset();
  recipients_.clear();
  posting_ = {};
}

void Dialogue::lhlo(const std::string& argument) {
  reset();
  client_ = printable(argument);
  const std::int64_t limit = session_.config().byte_count(Option::maxmessagesize);
  std::string out =
      fmt::format("250-{}\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250-PIPELINING\r\n250-SIZE{}\r\n",
                  session_.service().server_name(), limit > 0 ? fmt::format(" {}", limit) : std::string());
  const bool done = session_.login().logged_in() && !trusted_;
  if (session_.can_start_tls() && !trusted_ && !done) {
    out += "250-STARTTLS\r\n";
  }
  const std::string mechanisms = trusted_ ? "EXTERNAL" : done ? "" : session_.login().mechanisms("");
  if (!mechanisms.empty()) {
    out += "250-AUTH " + mechanisms + "\r\n";
  }
  reply(out + fmt::format("250-IGNOREQUOTA\r\n250 Ok SESSIONID=<{}>\r\n", session_.id()));
}

std::string Dialogue::take_parameters(const PathArgument& path, Posting& posting) const {
  for (const auto& [name, value] : path.parameters) {
    if (name == "SIZE") {
      const auto size = value ? parse_number<std::int64_t>(*value) : std::nullopt;
      if (!size || *size < 0) {
        return "501 5.5.2 SIZE requires a value\r\n";
      }
      const std::int64_t limit = session_.config().byte_count(Option::maxmessagesize);
      if (limit > 0 && *size > limit) {
        return fmt::format("552 5.2.3 Message SIZE exceeds fixed maximum message size ({})\r\n", limit);
      }
      posting.size = *size;
    } else if (name == "BODY") {
      if (!value || (!equal_ignoring_case(*value, "7BIT") && !equal_ignoring_case(*value, "8BITMIME"))) {
        return "501 5.5.4 Unrecognized BODY type\r\n";
      }
    } else if (name == "AUTH") {
      const auto user = value ? decode_xtext(*value) : std::nullopt;
      if (!user) {
        return std::string(bad_parameters);
      }
      // The client has shown that it may speak for others (admins, or the UNIX socket).
      const auto canonical = session::canonical_user(*user, session_.config(), session_.store().name_space());
      if (*user != "<>" && canonical) {
        posting.poster = session::Identity::of(*canonical, session_.config());
      }
    } else {
      return "501 5.5.4 Unrecognized parameters\r\n";
    }
  }
  return {};
}

void Dialogue::mail(const std::string& argument) {
  if (!session_.login().logged_in()) {
    reply(refuse_unauthenticated());
    return;
  }
  if (sender_) {
    reply("503 5.5.1 Nested MAIL command\r\n");
    return;
  }
  const auto path = parse_path(argument, "FROM:", session_.config().is_on(Option::lmtp_strict_rfc2821));
  if (!path) {
    reply(bad_parameters);
    return;
  }
  Posting posting;
  if (const std::string error = take_parameters(*path, posting); !error.empty()) {
    reply(error);
    return;
  }
  session_.new_id();
  sender_ = path->text;
  posting_ = std::move(posting);
  reply("250 2.1.0 ok\r\n");
}

void Dialogue::rcpt(const std::string& argument) {
  if (!sender_) {
    reply("503 5.5.1 Need MAIL command\r\n");
    return;
  }
  const auto path = parse_path(argument, "TO:", session_.config().is_on(Option::lmtp_strict_rfc2821));
  if (!path) {
    reply(bad_parameters);
    return;
  }
  const bool ignore_quota = find_parameter(*path, "IGNOREQUOTA") != nullptr;
  if (path->parameters.size() > (ignore_quota ? 1U : 0U)) {
    reply("501 5.5.4 Unrecognized parameters\r\n");
    return;
  }
  if (recipients_.size() == most_recipients) {
    reply("452 4.5.3 Too many recipients\r\n");
    return;
  }
  auto found = directory_.find(*path, ignore_quota, posting_, session_.id());
  if (!found) {
    log(LogLevel::debug, "verify_user({}) failed: {}", path->text, found.error().reason);
    reply(found.error().reply);
    return;
  }
  recipients_.push_back(std::move(*found));
  reply("250 2.1.5 ok\r\n");
}

std::string Dialogue::head(const std::string& sender) const {
  const session::Peer& peer = session_.peer();
  const bool authenticated = session_.login().logged_in();
  const std::string from = peer.is_tcp() ? peer.name : "[unix socket]";
  return fmt::format(
      "Return-Path: <{}>\r\n"
      "Received: from {} ({})\r\n\t by {} (cyrkit {}) with LMTP{}{};\r\n\t {}\r\n"
      "X-Cyrus-Session-Id: {}\r\n",
      sender, client_.empty() ? "unknown" : client_, from, session_.service().server_name(),
      session::Session::version(), session_.tls_active() ? "S" : "", authenticated ? "A" : "",
      rfc822_date(std::time(nullptr)), session_.id());
}

bool Dialogue::data() {
  if (recipients_.empty()) {
    reply("503 5.5.1 No recipients\r\n");
    return true;
  }
  auto delivery = Delivery::begin(session_.service(), deliveries_, recipients_, head(*sender_));
  if (!delivery) {
    log(LogLevel::error, "cannot spool a message: {}", delivery.error().text());
    reply("451 4.3.0 System I/O error\r\n");
    reset();
    return true;
  }
  reply("354 go ahead\r\n");
  Status spooled = success();  // after an error the rest of the message is read all the same
  DataReader rest([](std::string_view) { return success(); });
  const auto read = connection_.read_until([&](Bytes bytes) -> Result<wire::Connection::Taken> {
    if (!spooled) {
      CYR_TRY(const std::size_t used, rest.feed(as_text(bytes)));
      return wire::Connection::Taken{used, rest.done()};
    }
    const auto used = delivery->feed(as_text(bytes));
    if (!used) {
      spooled = used.error();
      return wire::Connection::Taken{0, false};
    }
    return wire::Connection::Taken{*used, delivery->done()};
  });
  if (!read) {
    return false;  // nothing was acknowledged, nothing is delivered
  }
  for (const auto& recipient : recipients_) {
    reply(spooled ? delivery->deliver(recipient, session_.id()) : "451 4.3.0 System I/O error\r\n");
  }
  delivery->finish();
  if (!spooled) {
    log(LogLevel::error, "cannot spool a message: {}", spooled.error().text());
  }
  reset();
  return true;
}

void Dialogue::auth(const std::string& argument) {
  const auto space = argument.find(' ');
  const std::string mechanism = argument.substr(0, space);
  if (trusted_ && equal_ignoring_case(mechanism, "EXTERNAL")) {
    reply("235 Authenticated!\r\n");  // as it is already
    return;
  }
  if (session_.login().logged_in()) {
    reply("503 5.5.0 already authenticated\r\n");
    return;
  }
  const std::optional<std::string> initial =
      space == std::string::npos ? std::nullopt : std::optional(argument.substr(space + 1));
  const auto verdict =
      session_.login().authenticate(mechanism, initial, [this](const std::string& challenge) {
        reply("334 " + challenge + "\r\n");
        return connection_.read_line(longest_response);
      });
  using Kind = session::Verdict::Kind;
  if (verdict.kind == Kind::closed) {
    return;
  }
  if (verdict.kind == Kind::cancelled || verdict.kind == Kind::bad_input) {
    reply(fmt::format("501 5.5.4 {}\r\n", verdict.text));
    return;
  }
  // Only administrators may deliver.
  if (!verdict.ok() || !session_.login().is_admin()) {
    if (verdict.ok()) {
      session_.login().reset();
    }
    reply(fmt::format("501 5.5.4 {}\r\n", verdict.ok() ? "authentication failure" : verdict.text));
    return;
  }
  (void)session_.welcome("235 Authenticated!\r\n");  // an error shows at the next read
}

bool Dialogue::start_tls() {
  if (!session_.can_start_tls()) {
    reply("502 5.5.1 STARTTLS is not available\r\n");
    return true;
  }
  reply("220 Begin TLS negotiation now\r\n");
  if (!session_.start_tls()) {
    return false;
  }
  connection_.set_timeout(std::chrono::seconds(session_.config().seconds(Option::lmtptxn_timeout)));
  reset();
  client_.clear();
  return true;
}

}  // namespace cyr::lmtpd

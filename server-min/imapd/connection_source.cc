// See connection_source.h.
#include "server-min/imapd/connection_source.h"

#include "format/base/log.h"
#include "format/wire/deflate.h"
#include "server-min/imapd/timeouts.h"
#include "server-min/session/signals.h"

namespace cyr::imapd {

Error ConnectionSource::ended(const Error& error) {
  if (wire::is_too_long(error)) {
    return bad_argument("Line too long");
  }
  if (wire::is_timeout(error)) {
    imap_.out.untagged("BYE idle for too long");
  } else if (wire::is_woken(error)) {
    imap_.out.untagged("BYE {}", service_.should_end().value_or("Server shutting down"));
  }
  (void)imap_.out.flush();
  (void)service_.connection().flush();
  imap_.logout = true;
  return make_error(Errc::cancelled, "the connection has ended");
}

Result<std::string> ConnectionSource::line(std::size_t max) {
  if (const auto end = service_.should_end(); end) {
    imap_.out.untagged("BYE [ALERT] {}", *end);
    (void)imap_.out.flush();
    imap_.logout = true;
    return make_error(Errc::cancelled, "shutdown");
  }
  service_.connection().set_timeout(command_timeout(service_.config()));
  auto line = service_.connection().read_line(max);
  return line ? std::move(line) : Result<std::string>(ended(line.error()));
}

Status ConnectionSource::literal(std::uint64_t size, const Take& take) {
  Status taken;
  const Status read = service_.connection().read_counted(size, [&](Bytes piece) {
    if (taken) {
      taken = take(piece);
    }
    return success();
  });
  if (!read) {
    return ended(read.error());
  }
  return taken;
}

Status ConnectionSource::go_ahead(std::string_view text) {
  fmt::format_to(std::back_inserter(imap_.out.buffer()), "+ {}\r\n", text);
  CYR_CHECK(imap_.out.flush());
  const Status flushed = service_.connection().flush();
  return flushed ? success() : Status(ended(flushed.error()));
}

Status ConnectionTransport::start_compression() {
  CYR_CHECK(service_.connection().flush());
  CYR_TRY(auto layer, wire::deflate_layer());
  return service_.connection().push_layer(std::move(layer), false);
}

LoginOutcome ConnectionTransport::outcome_of(const session::Verdict& verdict) {
  using Kind = session::Verdict::Kind;
  LoginOutcome outcome;
  outcome.text = verdict.text;
  switch (verdict.kind) {
    case Kind::accepted:
      outcome.kind = LoginOutcome::Kind::accepted;
      outcome.user = service_.login().user();
      outcome.admin = service_.login().is_admin();
      outcome.proxy = service_.login().is_proxy();
      outcome.alert = service_.login().alert();
      break;
    case Kind::closed:
      outcome.kind = LoginOutcome::Kind::closed;
      break;
    case Kind::cancelled:
    case Kind::bad_input:
      outcome.kind = LoginOutcome::Kind::bad;
      outcome.text = verdict.kind == Kind::cancelled ? "Authentication cancelled" : "Invalid base64 string";
      break;
    case Kind::refused:
    case Kind::too_many:
      outcome.kind = LoginOutcome::Kind::refused;
      break;
  }
  return outcome;
}

LoginOutcome ConnectionTransport::login(const std::string& user, const std::string& password) {
  LoginOutcome outcome = outcome_of(service_.login().with_password(user, password));
  if (outcome.kind == LoginOutcome::Kind::refused && outcome.text == "authentication failure") {
    outcome.text = "Login failed: " + outcome.text;
  }
  return outcome;
}

LoginOutcome ConnectionTransport::authenticate(const std::string& mechanism,
                                               const std::optional<std::string>& initial) {
  const auto ask = [&](const std::string& challenge) -> Result<std::string> {
    constexpr std::size_t kMaxResponse = std::size_t{64} << 10;
    service_.connection().write("+ " + challenge + "\r\n");
    CYR_CHECK(service_.connection().flush());
    return service_.connection().read_line(kMaxResponse);
  };
  (void)out_->flush();
  return outcome_of(service_.login().authenticate(mechanism, initial, ask));
}

Wake ConnectionTransport::wait(int descriptor, std::chrono::milliseconds most) {
  auto woken = service_.connection().wait(most, descriptor);
  const auto end = service_.should_end();
  if (!woken || *woken == wire::Wake::watched || end) {
    if (woken) {
      out_->untagged("BYE {}{}", end && !session::stop_requested() ? "[ALERT] " : "",
                     end.value_or("Server shutting down"));
      (void)out_->flush();
      (void)service_.connection().flush();
    }
    return Wake::over;
  }
  switch (*woken) {
    case wire::Wake::input:
      return Wake::input;
    case wire::Wake::other:
      return Wake::changed;
    default:
      return Wake::timeout;
  }
}

void ConnectionTransport::show(std::string_view mailbox, std::string_view command) {
  service_.show_mailbox(mailbox);
  service_.show_command(command);
}

}  // namespace cyr::imapd

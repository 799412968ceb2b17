// ImapClient: how it proves who the user is.
#include <algorithm>
#include <array>
#include <cstring>

#include "cyradm/imap_client.h"
#include "format/base/text.h"
#include "format/wire/base64.h"

namespace cyr::cyradm {
namespace {

constexpr std::array<std::string_view, 2> plaintext_mechanisms = {"PLAIN", "LOGIN"};

bool is_plaintext(std::string_view mechanism) {
  return std::find(plaintext_mechanisms.begin(), plaintext_mechanisms.end(), mechanism) !=
         plaintext_mechanisms.end();
}

// Bound to the TLS channel.
bool is_bound(std::string_view mechanism) { return mechanism.ends_with("-PLUS"); }

// Kerberos: what GSSAPI and GSS-SPNEGO have instead of a password.
bool is_ticket(std::string_view mechanism) { return mechanism.starts_with("GSS"); }

Error in_clear(const std::string& mechanisms) {
  return make_error(Errc::permission, "the server offers no TLS and only " + mechanisms +
                                          ", which would send the password in clear")
      .with_hint("--allow-plaintext sends it all the same");
}

}  // namespace

bool ImapClient::line_is_safe(const ImapSettings& settings) const {
  return tls_.has_value() || local_ || settings.allow_plaintext;
}

// What the user asked for, or what the server offers; a plaintext mechanism over an open line is none of
// them.
ImapClient::Offer ImapClient::offered(const ImapSettings& settings) const {
  Offer out;
  const auto wanted = split(settings.mechanisms, ' ');
  // Cyrus up to 3.6 binds to TLS 1.3 what is only defined for older ones (RFC 9266 4.2), so both never agree.
  const bool may_differ = tls_ && tls_->binding_name == "tls-exporter";
  for (const auto& capability : capabilities_) {
    if (!capability.starts_with("AUTH=")) {
      continue;
    }
    const std::string mechanism = capability.substr(std::strlen("AUTH="));
    const bool asked = settings.mechanisms.empty()
                           ? !(is_bound(mechanism) && may_differ)
                           : std::any_of(wanted.begin(), wanted.end(), [&mechanism](std::string_view word) {
                               return equal_ignoring_case(word, mechanism);
                             });
    if (asked) {
      std::string& list = is_plaintext(mechanism) && !line_is_safe(settings) ? out.unsafe
                          : is_ticket(mechanism)                             ? out.tickets
                                                                             : out.others;
      list.append(list.empty() ? "" : " ").append(mechanism);
    }
  }
  return out;
}

Status ImapClient::login(const ImapSettings& settings) {
  if (preauthenticated_) {
    logged_in_ = true;
    connection_->set_timeout(settings.timeout);
    return success();
  }
  CYR_CHECK(prove_identity(settings, offered(settings)));
  logged_in_ = true;
  connection_->set_timeout(settings.timeout);
  return success();
}

Status ImapClient::prove_identity(const ImapSettings& settings, const Offer& offer) {
  if (!offer.tickets.empty()) {
    Status done = authenticate(settings, offer.tickets);
    // Who has no ticket, or one that is of no use here, may have a password.
    if (done || offer.others.empty() || done.error().code != Errc::permission || !connection_->is_open()) {
      return done;
    }
  }
  if (!offer.others.empty()) {
    return authenticate(settings, offer.others);
  }
  if (!offer.unsafe.empty()) {
    return in_clear(offer.unsafe);
  }
  if (!settings.mechanisms.empty() && !equal_ignoring_case(settings.mechanisms, "LOGIN")) {
    return make_error(Errc::permission, "the server does not offer " + settings.mechanisms);
  }
  return login_command(settings);
}

Status ImapClient::login_command(const ImapSettings& settings) {
  if (has("LOGINDISABLED")) {
    return make_error(Errc::permission, tls_ ? "the server offers no way to log in"
                                             : "the server wants TLS before it lets anybody log in");
  }
  if (!line_is_safe(settings)) {
    return in_clear("LOGIN");
  }
  CYR_TRY(std::string password, settings.password(host_, settings.user));
  auto answer = run(ImapCommand("LOGIN").string(settings.user).quoted(password));
  ::explicit_bzero(password.data(), password.size());
  CYR_CHECK(answer);
  return after_login(*answer);
}

Status ImapClient::after_login(const ImapResponse& answer) {
  if (answer.word != "OK") {
    return make_error(Errc::permission, answer.text);
  }
  // What was offered before may have been anybody's word; after a login more may be on offer, too.
  if (answer.code_word() == "CAPABILITY") {
    return success();
  }
  return ask_capabilities();
}

// The line to send for a continuation: the initial response first, where the mechanism begins with one.
Result<std::string> ImapClient::answer_challenge(const ImapResponse& response,
                                                 std::optional<std::string>& initial) {
  if (initial) {
    if (!response.text.empty()) {
      return make_error(Errc::permission, "the server begins with a challenge where it is our turn");
    }
    return wire::to_base64(*std::exchange(initial, std::nullopt));
  }
  const auto challenge = wire::from_base64(response.text);
  if (!challenge) {
    return make_error(Errc::permission, "the server's challenge is no base64");
  }
  CYR_TRY(const std::string reply, sasl_->step(*challenge));
  return wire::to_base64(reply);
}

// "*" ends an exchange; afterwards there may be another. A server that has nothing to say to that is given
// up.
void ImapClient::abandon(const std::string& tag) {
  constexpr std::chrono::milliseconds patience{5'000};
  connection_->set_timeout(patience);
  if (!connection_->flush() || !wait_for_answer(tag, {}, false)) {
    close();
  }
}

Result<ImapResponse> ImapClient::exchange(const wire::SaslClient::Start& start) {
  constexpr int most_steps = 32;
  const std::string tag = next_tag();
  std::optional<std::string> initial = start.initial;
  connection_->write(tag + " AUTHENTICATE " + start.mechanism + "\r\n");
  for (int i = 0; i < most_steps; ++i) {
    if (auto sent = connection_->flush(); !sent) {
      return lost(sent.error());
    }
    CYR_TRY(auto response, wait_for_answer(tag, {}, true));
    if (response.tagged()) {
      return response;
    }
    auto line = answer_challenge(response, initial);
    connection_->write((line ? *line : "*") + "\r\n");
    if (!line) {
      abandon(tag);
      return std::move(line).error();
    }
    ::explicit_bzero(line->data(), line->size());
  }
  close();
  return make_error(Errc::permission, "the server does not come to an end with " + start.mechanism);
}

Status ImapClient::authenticate(const ImapSettings& settings, const std::string& mechanisms) {
  connection_->set_timeout(settings.login_timeout);
  const bool own_certificate = tls_ && !settings.tls_options.certificate.empty();
  wire::SaslClientSettings sasl;
  sasl.service = settings.service;
  sasl.host = host_;
  sasl.local = own_address_;
  sasl.remote = peer_address_;
  sasl.user = settings.user;
  sasl.authorization = settings.authorization;
  // A ticket or certificate has a name of its own: where another was asked for, that must not pass silently.
  if (sasl.authorization.empty() && settings.user_named &&
      (is_ticket(mechanisms) || mechanisms == "EXTERNAL")) {
    sasl.authorization = settings.user;
  }
  sasl.password = [this, &settings] { return settings.password(host_, settings.user); };
  sasl.plaintext = line_is_safe(settings);
  sasl.minimum_layer = settings.minimum_layer;
  sasl.maximum_layer = tls_ ? 0 : settings.maximum_layer;
  CYR_TRY(auto client, wire::SaslClient::create(std::move(sasl)));
  sasl_.emplace(std::move(client));
  if (tls_) {
    wire::TlsInfo tls = *tls_;
    if (mechanisms.find("-PLUS") == std::string::npos) {
      tls.binding_data.clear();  // GSSAPI would use it all the same (RFC 4752 has none), SCRAM speak of it
    }
    sasl_->set_tls(tls, own_certificate);
  }
  CYR_TRY(const auto start, sasl_->start(mechanisms));
  CYR_TRY(const auto answer, exchange(start));
  if (answer.word != "OK") {
    return make_error(Errc::permission, answer.text);
  }
  // A mechanism with a last word of the server's wants to have heard it.
  if (!sasl_->finished()) {
    CYR_TRY([[maybe_unused]] const std::string nothing, sasl_->step(""));
    if (!sasl_->finished()) {
      close();
      return make_error(Errc::permission, "the server has not proved that it knows the password");
    }
  }
  if (auto layer = sasl_->security_layer()) {
    CYR_CHECK(connection_->push_layer(std::move(layer), false));
    capabilities_.clear();
    return ask_capabilities();
  }
  return after_login(answer);
}

}  // namespace cyr::cyradm

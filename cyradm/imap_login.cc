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

Error in_clear(const std::string& mechanisms) {
  return make_error(Errc::permission, "the server offers no TLS and only " + mechanisms +
                                          ", which would send the password in clear")
      .with_hint("--allow-plaintext sends it all the same");
}

}  // namespace

bool ImapClient::line_is_safe(const ImapSettings& settings) const {
  return tls_.has_value() || local_ || settings.allow_plaintext;
}

// What the user asked for, or what the server offers; never a plaintext mechanism over an open line.
Result<std::string> ImapClient::choose_mechanisms(const ImapSettings& settings) const {
  std::string usable;
  std::string unsafe;
  const auto wanted = split(settings.mechanisms, ' ');
  for (const auto& capability : capabilities_) {
    if (!capability.starts_with("AUTH=")) {
      continue;
    }
    const std::string mechanism = capability.substr(std::strlen("AUTH="));
    const bool asked = settings.mechanisms.empty() ||
                       std::any_of(wanted.begin(), wanted.end(), [&mechanism](std::string_view word) {
                         return equal_ignoring_case(word, mechanism);
                       });
    if (asked) {
      std::string& list = is_plaintext(mechanism) && !line_is_safe(settings) ? unsafe : usable;
      list.append(list.empty() ? "" : " ").append(mechanism);
    }
  }
  if (usable.empty() && !unsafe.empty()) {
    return in_clear(unsafe);
  }
  return usable;
}

Status ImapClient::login(const ImapSettings& settings) {
  if (preauthenticated_) {
    logged_in_ = true;
    connection_->set_timeout(settings.timeout);
    return success();
  }
  CYR_TRY(const std::string mechanisms, choose_mechanisms(settings));
  if (!mechanisms.empty()) {
    CYR_CHECK(authenticate(settings, mechanisms));
  } else if (!settings.mechanisms.empty() && !equal_ignoring_case(settings.mechanisms, "LOGIN")) {
    return make_error(Errc::permission, "the server does not offer " + settings.mechanisms);
  } else {
    CYR_CHECK(login_command(settings));
  }
  logged_in_ = true;
  connection_->set_timeout(settings.timeout);
  return success();
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
      close();  // it may not answer any more
      return std::move(line).error();
    }
    ::explicit_bzero(line->data(), line->size());
  }
  close();
  return make_error(Errc::permission, "the server does not come to an end with " + start.mechanism);
}

Status ImapClient::authenticate(const ImapSettings& settings, const std::string& mechanisms) {
  const bool own_certificate = tls_ && !settings.tls_options.certificate.empty();
  wire::SaslClientSettings sasl;
  sasl.service = settings.service;
  sasl.host = host_;
  sasl.local = own_address_;
  sasl.remote = peer_address_;
  sasl.user = settings.user;
  sasl.authorization = settings.authorization;
  sasl.password = [this, &settings] { return settings.password(host_, settings.user); };
  sasl.plaintext = line_is_safe(settings);
  sasl.minimum_layer = settings.minimum_layer;
  sasl.maximum_layer = tls_ ? 0 : settings.maximum_layer;
  CYR_TRY(auto client, wire::SaslClient::create(std::move(sasl)));
  sasl_.emplace(std::move(client));
  if (tls_) {
    sasl_->set_tls(*tls_, own_certificate);
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

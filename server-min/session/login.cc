#include "server-min/session/login.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "format/acl/acl.h"
#include "format/base/log.h"
#include "format/base/text.h"
#include "format/wire/base64.h"
#include "server-min/session/admin_files.h"
#include "server-min/session/deny_list.h"
#include "server-min/session/signals.h"

namespace cyr::session {
namespace {

using conf::Option;
using State = wire::SaslStep::State;

constexpr int rounds_limit = 32;  // of an exchange; no mechanism needs more than a few
constexpr std::string_view refused = "authentication failure";

void pause(std::int64_t seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!stop_requested() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

// "=" stands for an empty response (RFC 4959).
std::optional<std::string> decode(const std::string& text) {
  return text == "=" ? std::optional<std::string>("") : wire::from_base64(text);
}

unsigned layer_bits(std::int64_t value) {
  return static_cast<unsigned>(std::clamp<std::int64_t>(value, 0, 1024));
}

}  // namespace

Login::Login(Service& service, Peer peer, std::function<std::string()> session_id)
    : service_(service), peer_(std::move(peer)), session_id_(std::move(session_id)) {}

wire::SaslServer& Login::sasl() {
  if (sasl_) {
    return *sasl_;
  }
  const conf::Config& config = service_.config();
  wire::SaslServerSettings settings;
  settings.service = service_.definition().protocol;
  settings.server_name = service_.server_name();
  settings.local = peer_.sasl_local;
  settings.remote = peer_.sasl_remote;
  settings.plaintext = config.is_on(Option::allowplaintext);
  settings.anonymous = config.is_on(Option::allowanonymouslogin);
  settings.minimum_layer = layer_bits(config.integer(Option::sasl_minimum_layer));
  settings.maximum_layer = layer_bits(config.integer(Option::sasl_maximum_layer));
  settings.canonicalize = [this](std::string_view user, std::string_view authentication) {
    return canonical_user(user, service_.config(), service_.store().name_space(), authentication,
                          peer_.local_address);
  };
  settings.authorize = [this](std::string_view user, std::string_view authentication) {
    return may_act_as(user, authentication);
  };
  auto made = wire::SaslServer::create(std::move(settings));
  if (!made) {  // out of memory, or the library is unusable: nothing can be served
    log(LogLevel::error, "{}", made.error().text());
    throw std::runtime_error(made.error().text());
  }
  sasl_ = std::move(*made);
  if (tls_) {
    sasl_->set_tls(*tls_);
  }
  if (!trusted_.empty()) {
    sasl_->set_trusted(trusted_);
  }
  return *sasl_;
}

void Login::set_tls(const wire::TlsInfo& tls) {
  tls_ = tls;
  sasl_.reset();
}

void Login::set_trusted(const std::string& user) {
  trusted_ = user;
  sasl_.reset();
}

void Login::reset() {
  sasl_.reset();
  identity_ = {};
  logged_in_ = admin_ = proxy_ = plaintext_ = false;
}

bool Login::plaintext_allowed() const {
  return tls_ || !trusted_.empty() || service_.config().is_on(Option::allowplaintext);
}

std::string Login::mechanisms(std::string_view prefix, std::string_view separator) {
  return sasl().mechanisms(prefix, separator);
}

std::string Login::with_layer(const std::string& mechanism) const {
  return tls_ ? mechanism + "+TLS" : mechanism;
}

bool Login::has_admin_right_on_inbox(const Identity& who, std::string_view user) const {
  store::Store& store = service_.store();
  const auto inbox = names::MailboxName::inbox_of(names::UserId::parse(user, store.name_space()))
                         .to_internal(store.name_space());
  const auto list = store.mailbox_list();
  if (!list) {
    return false;
  }
  const auto entry = (*list)->find(inbox);
  return entry && *entry && (*entry)->type.local() && (*entry)->acl &&
         acl::Acl::parse(*(*entry)->acl)
             .rights([&who](std::string_view id) { return who.is_member(id); })
             .has('a');
}

Status Login::may_act_as(std::string_view user, std::string_view authentication) {
  const conf::Config& config = service_.config();
  if (user == authentication) {
    return success();
  }
  const Identity who = Identity::of(std::string(authentication), config);
  if (who.is_in(config, Option::admins) || who.is_in(config, Option::proxyservers) ||
      (config.is_on(Option::loginuseacl) && has_admin_right_on_inbox(who, user))) {
    return success();
  }
  return make_error(Errc::permission,
                    fmt::format("user {} is not allowed to proxy", printable(authentication)));
}

Verdict Login::refuse(std::string text, std::string_view mechanism, std::string_view user,
                      std::string_view detail) {
  const std::string whom = user.empty() ? "" : fmt::format(" ({})", user);
  log(LogLevel::notice, "badlogin: {} {}{} [{}]", peer_.name, mechanism, whom, detail);
  pause(service_.config().seconds(Option::failedloginpause));
  return {Verdict::Kind::refused, std::move(text)};
}

std::optional<std::string> Login::too_many_logins(const std::string& user) const {
  const conf::Config& config = service_.config();
  const auto per_host = config.integer(Option::maxlogins_per_host);
  const auto per_user = config.integer(Option::maxlogins_per_user);
  if ((per_host <= 0 && per_user <= 0) || identity_.is_in(config, Option::admins)) {
    return {};
  }
  const auto entries = list_proc(service_.io(), service_.store().paths().proc_directory());
  if (!entries) {
    return {};
  }
  const auto count = [&](auto matches) {
    return static_cast<std::int64_t>(std::count_if(entries->begin(), entries->end(), matches));
  };
  // This session shows its client already, but not its user.
  if (per_host > 0 && count([&](const auto& entry) { return entry.client == peer_.name; }) > per_host) {
    return "Too many open connections from " + peer_.name;
  }
  if (per_user > 0 && count([&](const auto& entry) { return entry.user == user; }) >= per_user) {
    return "Too many open connections for " + user;
  }
  return {};
}

void Login::become(const std::string& user) {
  const conf::Config& config = service_.config();
  identity_ = Identity::of(user, config);
  admin_ = identity_.is_in(config, Option::admins);
  proxy_ = identity_.is_in(config, Option::proxyservers);
}

Verdict Login::accept(const std::string& user, const std::string& authentication,
                      const std::string& mechanism) {
  become(user);
  if (!admin_) {
    if (const auto why = denied(service_.store(), user, service_.name())) {
      identity_ = {};
      return refuse(*why, mechanism, user, "user is denied this service");
    }
  }
  if (const auto why = too_many_logins(user)) {
    log(LogLevel::notice, "badlogin: {} {} ({}) [{}]", peer_.name, mechanism, user, *why);
    identity_ = {};
    return {Verdict::Kind::too_many, *why};
  }
  logged_in_ = true;
  const std::string proxied =
      authentication.empty() || authentication == user ? "" : " authid=" + authentication;
  log(LogLevel::notice, "login: {} {} {} User logged in SESSIONID=<{}>{}", peer_.name, user,
      with_layer(mechanism), session_id_(), proxied);
  return {Verdict::Kind::accepted, {}};
}

Verdict Login::finish(const wire::SaslStep& step, const std::string& mechanism) {
  if (step.state != State::done) {
    return refuse(step.reason, mechanism, sasl().attempted(), step.detail);
  }
  const std::string user = sasl().user();
  if (user.empty() || (user == "anonymous" && !service_.config().is_on(Option::allowanonymouslogin))) {
    return refuse(std::string(refused), mechanism, user, "no user of this server");
  }
  return accept(user, sasl().authentication(), mechanism);
}

Verdict Login::with_anonymous_password(std::string_view password) {
  if (!service_.config().is_on(Option::allowanonymouslogin)) {
    log(LogLevel::notice, "badlogin: {} anonymous login refused", peer_.name);
    pause(service_.config().seconds(Option::failedloginpause));
    return {Verdict::Kind::refused, "Anonymous login is not permitted"};
  }
  become("anonymous");
  logged_in_ = true;
  log(LogLevel::notice, "login: {} anonymous {}", peer_.name, printable(password.substr(0, 500)));
  return {Verdict::Kind::accepted, {}};
}

Verdict Login::with_password(std::string_view user, std::string_view password) {
  const conf::Config& config = service_.config();
  if (equal_ignoring_case(user, "anonymous")) {
    return with_anonymous_password(password);
  }
  if (!plaintext_allowed()) {
    log(LogLevel::notice, "badlogin: {} plaintext {} [plaintext is refused without a layer]", peer_.name,
        user);
    return {Verdict::Kind::refused, "Login only available under a layer"};
  }
  if (!canonical_user(user, config, service_.store().name_space(), {}, peer_.local_address)) {
    log(LogLevel::notice, "badlogin: {} plaintext {} invalid user", peer_.name, user);
    pause(config.seconds(Option::failedloginpause));
    return {Verdict::Kind::refused, "Invalid user"};
  }
  Verdict verdict = finish(sasl().check_password(user, password), "plaintext");
  if (verdict.ok() && !tls_ && trusted_.empty()) {
    plaintext_ = true;
    pause(config.seconds(Option::plaintextloginpause));
  }
  return verdict;
}

Verdict Login::authenticate(std::string_view mechanism, const std::optional<std::string>& initial,
                            const Ask& ask) {
  const std::string name = upper_ascii(mechanism);
  const auto bad_input = [&] {
    log(LogLevel::notice, "badlogin: {} {} [no base64]", peer_.name, name);
    return Verdict{Verdict::Kind::bad_input, "Invalid base64 string"};
  };
  std::optional<std::string> first;
  if (initial && !(first = decode(*initial))) {
    return bad_input();
  }
  wire::SaslStep step = sasl().start(name, first);
  for (int round = 0; step.state == State::challenge; ++round) {
    const auto line = ask(wire::to_base64(step.data));
    if (!line) {
      return {Verdict::Kind::closed, line.error().text()};
    }
    if (*line == "*" || round == rounds_limit) {
      reset();
      return {Verdict::Kind::cancelled, "Client canceled authentication"};
    }
    const auto response = wire::from_base64(*line);
    if (!response) {
      reset();
      return bad_input();
    }
    step = sasl().step(*response);
  }
  return finish(step, name);
}

const std::string& Login::apop_stamp() {
  if (stamp_.empty() && service_.config().is_on(Option::allowapop)) {
    stamp_ = sasl().apop_stamp();
  }
  return stamp_;
}

Verdict Login::with_apop(std::string_view user_and_digest) {
  return finish(sasl().check_apop(apop_stamp(), user_and_digest), "APOP");
}

void Login::preauthenticate(const std::string& user) {
  become(user);
  admin_ = true;
  logged_in_ = true;
}

std::string Login::alert() const {
  return plaintext_ ? std::string(service_.config().text(Option::plaintextloginalert)) : std::string();
}

std::unique_ptr<wire::Layer> Login::take_security_layer() {
  return sasl_ && logged_in_ ? sasl_->security_layer() : nullptr;
}

}  // namespace cyr::session

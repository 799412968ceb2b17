// SaslLibrary and SaslServer. The callbacks are C functions that get a pointer to the Impl; nothing is global
// here but what libsasl2 itself keeps.
#include "format/wire/sasl.h"

#include <sasl/sasl.h>
#include <sasl/saslutil.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/wire/sasl_layer.h"

namespace cyr::wire {
namespace {

// Values live in the configuration, as std::strings, and so end with a NUL.
int get_option(void* context, const char* plugin, const char* option, const char** result, unsigned* length) {
  const auto& config = *static_cast<const conf::Config*>(context);
  const auto find = [&](const std::string& name) -> std::optional<std::string_view> {
    if (const auto known = conf::option_from_name(name); known && config.is_set(*known)) {
      return config.text(*known);
    }
    return config.overflow(name);
  };
  std::optional<std::string_view> value;
  if (plugin != nullptr) {
    value = find(lower_ascii("sasl_" + std::string(plugin) + "_" + option));
  }
  if (!value) {
    value = find(lower_ascii(std::strcmp(option, "srvtab") == 0 ? "srvtab" : "sasl_" + std::string(option)));
  }
  if (!value) {
    return SASL_FAIL;
  }
  *result = value->data();
  if (length != nullptr) {
    *length = static_cast<unsigned>(value->size());
  }
  return SASL_OK;
}

int log_message(void* /*context*/, int level, const char* message) {
  constexpr std::array<LogLevel, 8> levels = {LogLevel::debug,   LogLevel::error,  LogLevel::notice,
                                              LogLevel::warning, LogLevel::notice, LogLevel::debug,
                                              LogLevel::debug,   LogLevel::debug};
  if (level == SASL_LOG_NONE || level == SASL_LOG_PASS || message == nullptr) {
    return SASL_OK;  // SASL_LOG_PASS shows passwords
  }
  log(levels[static_cast<std::size_t>(std::clamp(level, 0, 7))], "{}", message);
  return SASL_OK;
}

std::string view(const char* text, unsigned size) { return text == nullptr ? "" : std::string(text, size); }

}  // namespace

struct SaslLibrary::Impl {
  std::shared_ptr<const conf::Config> config;
  std::array<sasl_callback_t, 3> callbacks{};
};

SaslLibrary::SaslLibrary(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SaslLibrary::~SaslLibrary() { ::sasl_server_done(); }

Result<std::unique_ptr<SaslLibrary>> SaslLibrary::start(std::shared_ptr<const conf::Config> config) {
  auto impl = std::make_unique<Impl>();
  impl->config = std::move(config);
  void* const context = const_cast<conf::Config*>(impl->config.get());  // NOLINT: get_option only reads
  impl->callbacks = {{{SASL_CB_GETOPT, sasl_callback(&get_option), context},
                      {SASL_CB_LOG, sasl_callback(&log_message), nullptr},
                      {SASL_CB_LIST_END, nullptr, nullptr}}};
  // The name chooses a file of the library's own settings, which the sasl_* options stand in for.
  const int code = ::sasl_server_init(impl->callbacks.data(), "Cyrus");
  if (code != SASL_OK) {
    return make_error(Errc::config,
                      std::string("SASL cannot start: ") + ::sasl_errstring(code, nullptr, nullptr));
  }
  return std::unique_ptr<SaslLibrary>(new SaslLibrary(std::move(impl)));
}

struct SaslServer::Impl {
  SaslServerSettings settings;
  SaslConnection connection;
  std::array<sasl_callback_t, 3> callbacks{};
  std::string mechanism;
  std::string attempted;
  std::string authentication;  // canonical, once known
  std::string external;        // set_tls, set_trusted: the library keeps the pointer
  std::string binding_name;
  std::string binding_data;
  sasl_channel_binding_t binding{};

  static int canonicalize(sasl_conn_t* connection, void* context, const char* in, unsigned in_size,
                          unsigned flags, const char* realm, char* out, unsigned out_room,
                          unsigned* out_size);
  static int authorize(sasl_conn_t* connection, void* context, const char* user, unsigned user_size,
                       const char* authentication, unsigned authentication_size, const char* realm,
                       unsigned realm_size, struct propctx* properties);
  void set_strength(sasl_ssf_t bits);
  SaslStep outcome(int code, const char* data, unsigned size);
  [[nodiscard]] std::string property(int number) const;
};

int SaslServer::Impl::canonicalize(sasl_conn_t* connection, void* context, const char* in, unsigned in_size,
                                   unsigned flags, const char* /*realm*/, char* out, unsigned out_room,
                                   unsigned* out_size) {
  auto& self = *static_cast<Impl*>(context);
  const std::string name =
      view(in, in_size == 0 && in != nullptr ? static_cast<unsigned>(std::strlen(in)) : in_size);
  const bool only_authorization = (flags & SASL_CU_AUTHID) == 0;
  if (!only_authorization) {
    self.attempted = name;
  }
  const auto canonical = self.settings.canonicalize(name, only_authorization ? self.authentication : "");
  if (!canonical || canonical->empty() || canonical->size() >= out_room) {
    ::sasl_seterror(connection, 0, "bad userid authenticated");
    return SASL_BADAUTH;
  }
  if (!only_authorization) {
    self.authentication = *canonical;
  }
  std::memcpy(out, canonical->c_str(), canonical->size() + 1);
  *out_size = static_cast<unsigned>(canonical->size());
  return SASL_OK;
}

int SaslServer::Impl::authorize(sasl_conn_t* connection, void* context, const char* user, unsigned user_size,
                                const char* authentication, unsigned authentication_size,
                                const char* /*realm*/, unsigned /*realm_size*/,
                                struct propctx* /*properties*/) {
  auto& self = *static_cast<Impl*>(context);
  const auto allowed =
      self.settings.authorize(view(user, user_size), view(authentication, authentication_size));
  if (!allowed) {
    ::sasl_seterror(connection, 0, "%s", allowed.error().what.c_str());
    return SASL_BADAUTH;
  }
  return SASL_OK;
}

void SaslServer::Impl::set_strength(sasl_ssf_t bits) {
  ::sasl_setprop(connection.get(), SASL_SSF_EXTERNAL, &bits);
  ::sasl_setprop(connection.get(), SASL_AUTH_EXTERNAL, external.empty() ? nullptr : external.c_str());
}

std::string SaslServer::Impl::property(int number) const {
  const void* value = nullptr;
  if (::sasl_getprop(connection.get(), number, &value) != SASL_OK || value == nullptr) {
    return {};
  }
  return static_cast<const char*>(value);
}

SaslStep SaslServer::Impl::outcome(int code, const char* data, unsigned size) {
  SaslStep out;
  out.code = code;
  if (code == SASL_OK || code == SASL_CONTINUE) {
    out.state = code == SASL_OK ? SaslStep::State::done : SaslStep::State::challenge;
    out.data = view(data, size);
    return out;
  }
  out.detail = ::sasl_errdetail(connection.get());
  // Whether the user exists is nobody's business.
  const int told = code == SASL_NOUSER ? SASL_BADAUTH : code;
  out.reason = ::sasl_errstring(told, nullptr, nullptr);
  return out;
}

SaslServer::SaslServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SaslServer::SaslServer(SaslServer&&) noexcept = default;
SaslServer& SaslServer::operator=(SaslServer&&) noexcept = default;
SaslServer::~SaslServer() = default;

Result<SaslServer> SaslServer::create(SaslServerSettings settings) {
  auto impl = std::make_unique<Impl>();
  impl->settings = std::move(settings);
  const SaslServerSettings& s = impl->settings;
  impl->callbacks = {{{SASL_CB_CANON_USER, sasl_callback(&Impl::canonicalize), impl.get()},
                      {SASL_CB_PROXY_POLICY, sasl_callback(&Impl::authorize), impl.get()},
                      {SASL_CB_LIST_END, nullptr, nullptr}}};
  sasl_conn_t* raw = nullptr;
  const auto text_or_null = [](const std::string& text) { return text.empty() ? nullptr : text.c_str(); };
  const int code =
      ::sasl_server_new(s.service.c_str(), text_or_null(s.server_name), nullptr, text_or_null(s.local),
                        text_or_null(s.remote), impl->callbacks.data(), 0, &raw);
  CYR_TRY(impl->connection, own_sasl_connection(code, raw));
  set_protection(impl->connection, {s.minimum_layer, s.maximum_layer, s.plaintext, s.anonymous});
  return SaslServer(std::move(impl));
}

void SaslServer::set_tls(const TlsInfo& tls) {
  impl_->external = tls.peer;
  impl_->set_strength(static_cast<sasl_ssf_t>(std::max(tls.bits, 0)));
  if (tls.binding_data.empty()) {
    return;
  }
  impl_->binding_name = tls.binding_name;
  impl_->binding_data = tls.binding_data;
  const Bytes data = as_bytes(impl_->binding_data);
  impl_->binding = {impl_->binding_name.c_str(), 0, data.size(),
                    reinterpret_cast<const unsigned char*>(data.data())};  // NOLINT
  ::sasl_setprop(impl_->connection.get(), SASL_CHANNEL_BINDING, &impl_->binding);
}

void SaslServer::set_trusted(const std::string& user) {
  impl_->external = user;
  impl_->set_strength(2);  // more than "integrity only"
}

std::string SaslServer::mechanisms(std::string_view prefix, std::string_view separator) {
  const char* list = nullptr;
  unsigned size = 0;
  int count = 0;
  const std::string between = std::string(separator) + std::string(prefix);
  if (::sasl_listmech(impl_->connection.get(), nullptr, std::string(prefix).c_str(), between.c_str(), "",
                      &list, &size, &count) != SASL_OK ||
      count == 0) {
    return {};
  }
  return view(list, size);
}

SaslStep SaslServer::start(std::string_view mechanism, const std::optional<std::string>& initial) {
  impl_->mechanism = upper_ascii(mechanism);
  impl_->attempted.clear();
  impl_->authentication.clear();
  const char* data = nullptr;
  unsigned size = 0;
  const int code = ::sasl_server_start(impl_->connection.get(), impl_->mechanism.c_str(),
                                       initial ? initial->c_str() : nullptr,
                                       initial ? static_cast<unsigned>(initial->size()) : 0, &data, &size);
  return impl_->outcome(code, data, size);
}

SaslStep SaslServer::step(std::string_view response) {
  const char* data = nullptr;
  unsigned size = 0;
  const std::string kept(response);
  const int code = ::sasl_server_step(impl_->connection.get(), kept.c_str(),
                                      static_cast<unsigned>(kept.size()), &data, &size);
  return impl_->outcome(code, data, size);
}

SaslStep SaslServer::check_password(std::string_view user, std::string_view password) {
  impl_->mechanism.clear();
  impl_->authentication.clear();
  const std::string name(user);
  const std::string secret(password);
  impl_->attempted = name;
  const int code = ::sasl_checkpass(impl_->connection.get(), name.c_str(), static_cast<unsigned>(name.size()),
                                    secret.c_str(), static_cast<unsigned>(secret.size()));
  return impl_->outcome(code, nullptr, 0);
}

Status SaslServer::set_password(const std::string& user, const std::string& password) {
  const int code = ::sasl_setpass(impl_->connection.get(), user.c_str(), password.c_str(),
                                  static_cast<unsigned>(password.size()), nullptr, 0, SASL_SET_CREATE);
  if (code != SASL_OK) {
    return make_error(Errc::config, std::string("the password cannot be stored: ") +
                                        ::sasl_errdetail(impl_->connection.get()));
  }
  return success();
}

std::string SaslServer::apop_stamp() {
  std::array<char, 1024> text{};
  const unsigned size =
      ::sasl_mkchal(impl_->connection.get(), text.data(), static_cast<unsigned>(text.size()), 1);
  return std::string(text.data(), std::min<std::size_t>(size, text.size()));
}

SaslStep SaslServer::check_apop(std::string_view stamp, std::string_view response) {
  impl_->mechanism = "APOP";
  impl_->authentication.clear();
  const std::string challenge(stamp);
  const std::string answer(response);
  const int code =
      ::sasl_checkapop(impl_->connection.get(), challenge.c_str(), static_cast<unsigned>(challenge.size()),
                       answer.c_str(), static_cast<unsigned>(answer.size()));
  return impl_->outcome(code, nullptr, 0);
}

std::string SaslServer::user() const { return impl_->property(SASL_USERNAME); }
std::string SaslServer::authentication() const { return impl_->property(SASL_AUTHUSER); }
std::string SaslServer::mechanism() const { return impl_->mechanism; }
std::string SaslServer::attempted() const { return impl_->attempted; }
std::unique_ptr<Layer> SaslServer::security_layer() const { return make_sasl_layer(impl_->connection); }

}  // namespace cyr::wire

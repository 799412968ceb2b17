#include "format/wire/sasl_client.h"

#include <sasl/sasl.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "format/wire/sasl_layer.h"

namespace cyr::wire {
// Named, since SaslClient::Impl has members of these types.
namespace client_parts {

// libsasl2 counts its users; the last one unloads the plug-ins.
class Library {
 public:
  static Result<std::unique_ptr<Library>> start() {
    const int code = ::sasl_client_init(nullptr);
    if (code != SASL_OK) {
      return make_error(Errc::config,
                        std::string("SASL cannot start: ") + ::sasl_errstring(code, nullptr, nullptr));
    }
    return std::unique_ptr<Library>(new Library);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library() { ::sasl_client_done(); }

 private:
  Library() = default;
};

// A password where libsasl2 wants it, gone from memory with this.
class Secret {
 public:
  void set(const std::string& text) {
    wipe();
    bytes_.resize(sizeof(sasl_secret_t) + text.size());
    auto* const secret = get();
    secret->len = text.size();
    std::memcpy(secret->data, text.data(), text.size());
  }
  [[nodiscard]] sasl_secret_t* get() { return reinterpret_cast<sasl_secret_t*>(bytes_.data()); }  // NOLINT
  Secret() = default;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(); }

 private:
  void wipe() {
    if (!bytes_.empty()) {  // an empty vector has no address to give
      ::explicit_bzero(bytes_.data(), bytes_.size());
    }
  }
  std::vector<unsigned char> bytes_;
};

}  // namespace client_parts

struct SaslClient::Impl {
  SaslClientSettings settings;
  std::unique_ptr<client_parts::Library> library;
  SaslConnection connection;  // after the library, so that it goes first
  std::array<sasl_callback_t, 5> callbacks{};
  client_parts::Secret secret;
  std::optional<Error> password_error;
  bool finished = false;
  std::string external;
  std::string binding_name;
  std::string binding_data;
  sasl_channel_binding_t binding{};

  static int get_name(void* context, int id, const char** result, unsigned* size);
  static int get_password(sasl_conn_t* connection, void* context, int id, sasl_secret_t** result);
  static int get_realm(void* context, int id, const char** available, const char** result);
  Error failure(int code);
};

int SaslClient::Impl::get_name(void* context, int id, const char** result, unsigned* size) {
  const auto& self = *static_cast<const Impl*>(context);
  const std::string& name = id == SASL_CB_USER ? self.settings.authorization : self.settings.user;
  *result = name.c_str();
  if (size != nullptr) {
    *size = static_cast<unsigned>(name.size());
  }
  return SASL_OK;
}

int SaslClient::Impl::get_password(sasl_conn_t* /*connection*/, void* context, int /*id*/,
                                   sasl_secret_t** result) {
  auto& self = *static_cast<Impl*>(context);
  auto password = self.settings.password();
  if (!password) {
    self.password_error = std::move(password).error();
    return SASL_FAIL;
  }
  self.secret.set(*password);
  ::explicit_bzero(password->data(), password->size());
  *result = self.secret.get();
  return SASL_OK;
}

// The server's first realm.
int SaslClient::Impl::get_realm(void* /*context*/, int /*id*/, const char** available, const char** result) {
  *result = available != nullptr && *available != nullptr ? *available : "";
  return SASL_OK;
}

Error SaslClient::Impl::failure(int code) {
  if (password_error) {
    return *std::exchange(password_error, std::nullopt);
  }
  std::string reason = ::sasl_errdetail(connection.get());
  // "SASL(-4): no mechanism available: No worthy mechs found": the number says nothing to people.
  if (const auto colon = reason.find("): "); reason.starts_with("SASL(") && colon != std::string::npos) {
    reason.erase(0, colon + 3);
  }
  return make_error(Errc::permission, reason.empty() ? ::sasl_errstring(code, nullptr, nullptr) : reason);
}

SaslClient::SaslClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SaslClient::SaslClient(SaslClient&&) noexcept = default;
SaslClient& SaslClient::operator=(SaslClient&&) noexcept = default;
SaslClient::~SaslClient() = default;

Result<SaslClient> SaslClient::create(SaslClientSettings settings) {
  auto impl = std::make_unique<Impl>();
  CYR_TRY(impl->library, client_parts::Library::start());
  impl->settings = std::move(settings);
  const SaslClientSettings& s = impl->settings;
  impl->callbacks = {{{SASL_CB_USER, sasl_callback(&Impl::get_name), impl.get()},
                      {SASL_CB_AUTHNAME, sasl_callback(&Impl::get_name), impl.get()},
                      {SASL_CB_PASS, sasl_callback(&Impl::get_password), impl.get()},
                      {SASL_CB_GETREALM, sasl_callback(&Impl::get_realm), impl.get()},
                      {SASL_CB_LIST_END, nullptr, nullptr}}};
  const auto text_or_null = [](const std::string& text) { return text.empty() ? nullptr : text.c_str(); };
  sasl_conn_t* raw = nullptr;
  const int code = ::sasl_client_new(s.service.c_str(), s.host.c_str(), text_or_null(s.local),
                                     text_or_null(s.remote), impl->callbacks.data(), SASL_SUCCESS_DATA, &raw);
  CYR_TRY(impl->connection, own_sasl_connection(code, raw));
  set_protection(impl->connection, {s.minimum_layer, s.maximum_layer, s.plaintext, false});
  return SaslClient(std::move(impl));
}

void SaslClient::set_tls(const TlsInfo& tls, bool own_certificate) {
  const sasl_ssf_t bits = static_cast<sasl_ssf_t>(std::max(tls.bits, 0));
  ::sasl_setprop(impl_->connection.get(), SASL_SSF_EXTERNAL, &bits);
  if (own_certificate) {
    impl_->external = impl_->settings.user;
    ::sasl_setprop(impl_->connection.get(), SASL_AUTH_EXTERNAL, impl_->external.c_str());
  }
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

Result<SaslClient::Start> SaslClient::start(const std::string& mechanisms) {
  const char* data = nullptr;
  unsigned size = 0;
  const char* mechanism = nullptr;
  const int code =
      ::sasl_client_start(impl_->connection.get(), mechanisms.c_str(), nullptr, &data, &size, &mechanism);
  if (code != SASL_OK && code != SASL_CONTINUE) {
    return impl_->failure(code);
  }
  impl_->finished = code == SASL_OK;
  Start out{mechanism, std::nullopt};
  if (data != nullptr) {
    out.initial = std::string(data, size);
  }
  return out;
}

Result<std::string> SaslClient::step(std::string_view challenge) {
  const char* data = nullptr;
  unsigned size = 0;
  const std::string kept(challenge);
  const int code = ::sasl_client_step(impl_->connection.get(), kept.c_str(),
                                      static_cast<unsigned>(kept.size()), nullptr, &data, &size);
  if (code != SASL_OK && code != SASL_CONTINUE) {
    return impl_->failure(code);
  }
  impl_->finished = code == SASL_OK;
  return data != nullptr ? std::string(data, size) : std::string();
}

bool SaslClient::finished() const { return impl_->finished; }
std::unique_ptr<Layer> SaslClient::security_layer() const { return make_sasl_layer(impl_->connection); }

}  // namespace cyr::wire

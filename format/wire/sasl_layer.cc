#include "format/wire/sasl_layer.h"

#include <algorithm>
#include <string>

namespace cyr::wire {
namespace {

class SaslLayer final : public Layer {
 public:
  SaslLayer(SaslConnection connection, std::size_t most) : connection_(std::move(connection)), most_(most) {}

  Status encode(Bytes plain, Buffer& out) override {
    while (!plain.empty()) {
      const std::string_view part = as_text(plain.first(std::min(plain.size(), most_)));
      const char* text = nullptr;
      unsigned size = 0;
      if (::sasl_encode(connection_.get(), part.data(), static_cast<unsigned>(part.size()), &text, &size) !=
          SASL_OK) {
        return failure("the security layer cannot encode");
      }
      append(out, text, size);
      plain = plain.subspan(part.size());
    }
    return success();
  }

  Status decode(Bytes in, Buffer& plain, Buffer& /*reply*/) override {
    const std::string_view raw = as_text(in);
    const char* text = nullptr;
    unsigned size = 0;
    if (!raw.empty() && ::sasl_decode(connection_.get(), raw.data(), static_cast<unsigned>(raw.size()), &text,
                                      &size) != SASL_OK) {
      return failure("the security layer cannot decode");
    }
    append(plain, text, size);
    return success();
  }

 private:
  [[nodiscard]] Error failure(const std::string& what) const {
    return make_error(Errc::io, what + ": " + ::sasl_errdetail(connection_.get()));
  }
  static void append(Buffer& out, const char* text, unsigned size) {
    if (size > 0) {
      const Bytes bytes = as_bytes({text, size});
      out.insert(out.end(), bytes.begin(), bytes.end());
    }
  }
  SaslConnection connection_;
  std::size_t most_;  // bytes per sasl_encode
};

}  // namespace

std::unique_ptr<Layer> make_sasl_layer(const SaslConnection& connection) {
  const void* ssf = nullptr;
  const void* most = nullptr;
  if (::sasl_getprop(connection.get(), SASL_SSF, &ssf) != SASL_OK ||
      *static_cast<const sasl_ssf_t*>(ssf) == 0 ||
      ::sasl_getprop(connection.get(), SASL_MAXOUTBUF, &most) != SASL_OK) {
    return {};
  }
  const std::size_t bytes = *static_cast<const unsigned*>(most);
  return std::make_unique<SaslLayer>(connection, bytes == 0 ? 4096 : bytes);
}

Result<SaslConnection> own_sasl_connection(int code, sasl_conn_t* raw) {
  if (code != SASL_OK) {
    return make_error(Errc::config,
                      std::string("SASL cannot start: ") + ::sasl_errstring(code, nullptr, nullptr));
  }
  return SaslConnection(raw, [](sasl_conn_t* connection) { ::sasl_dispose(&connection); });
}

void set_protection(const SaslConnection& connection, const SaslProtection& protection) {
  sasl_security_properties_t properties{};
  properties.min_ssf = protection.minimum_layer;
  properties.max_ssf = protection.maximum_layer;
  properties.maxbufsize = 4096;
  properties.security_flags = (protection.plaintext ? 0U : static_cast<unsigned>(SASL_SEC_NOPLAINTEXT)) |
                              (protection.anonymous ? 0U : static_cast<unsigned>(SASL_SEC_NOANONYMOUS));
  ::sasl_setprop(connection.get(), SASL_SEC_PROPS, &properties);
}

}  // namespace cyr::wire

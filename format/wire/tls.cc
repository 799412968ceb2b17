// The TLS layer, over memory BIOs: OpenSSL never sees a descriptor.
//
// Sessions are not resumed: each process serves its own connections, and what they would share on disk
// (tls_sessions.db) is disposable. Certificates are checked by OpenSSL; a failure is told with its reason and
// the host it was for.
#include "format/wire/tls.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "format/base/text.h"
#include "format/wire/tls_errors.h"

namespace cyr::wire {
namespace {

struct SslFree {
  void operator()(SSL* ssl) const { ::SSL_free(ssl); }
};
using SslOwner = std::unique_ptr<SSL, SslFree>;

class TlsLayer final : public Layer {
 public:
  // The BIOs belong to the SSL object.
  TlsLayer(SslOwner ssl, std::string host) : ssl_(std::move(ssl)), host_(std::move(host)) {
    ::SSL_set_bio(ssl_.get(), ::BIO_new(::BIO_s_mem()), ::BIO_new(::BIO_s_mem()));
  }
  [[nodiscard]] SSL* ssl() const { return ssl_.get(); }

  Result<bool> handshake(Bytes in, Buffer& reply) override {
    feed(in);
    ::ERR_clear_error();
    const int code = ::SSL_do_handshake(ssl_.get());
    const int why = code == 1 ? SSL_ERROR_NONE : ::SSL_get_error(ssl_.get(), code);
    drain(reply);
    if (code == 1) {
      return true;
    }
    return why == SSL_ERROR_WANT_READ ? Result<bool>(false) : Result<bool>(handshake_error());
  }

  Status encode(Bytes plain, Buffer& out) override {
    ::ERR_clear_error();
    while (!plain.empty()) {
      std::size_t written = 0;
      if (::SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written) != 1) {
        return tls_error(Errc::io, "TLS cannot send");
      }
      plain = plain.subspan(written);
    }
    drain(out);
    return success();
  }

  Status decode(Bytes in, Buffer& plain, Buffer& reply) override {
    if (ended_) {
      return system_error(ECONNRESET, "the connection was closed by the other side");
    }
    feed(in);
    ::ERR_clear_error();
    std::array<std::byte, 16384> piece{};
    while (true) {
      std::size_t count = 0;
      const int code = ::SSL_read_ex(ssl_.get(), piece.data(), piece.size(), &count);
      if (code == 1) {
        plain.insert(plain.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(count));
        continue;
      }
      const int why = ::SSL_get_error(ssl_.get(), code);
      drain(reply);
      ended_ = why == SSL_ERROR_ZERO_RETURN;
      return why == SSL_ERROR_WANT_READ || ended_ ? success() : tls_error(Errc::io, "TLS cannot receive");
    }
  }
  // After the handshake the client's first words may be inside already; after its goodbye decode() says so.
  [[nodiscard]] bool has_more() const override {
    return ended_ || ::BIO_ctrl_pending(::SSL_get_rbio(ssl_.get())) > 0;
  }
  void finish(Buffer& out) override {
    ::SSL_shutdown(ssl_.get());
    ::ERR_clear_error();
    drain(out);
  }

 private:
  void feed(Bytes in) {
    if (!in.empty()) {  // a memory BIO takes all that it has memory for
      std::size_t written = 0;
      ::BIO_write_ex(::SSL_get_rbio(ssl_.get()), in.data(), in.size(), &written);
    }
  }
  void drain(Buffer& out) {
    BIO* bio = ::SSL_get_wbio(ssl_.get());
    const std::size_t start = out.size();
    out.resize(start + ::BIO_ctrl_pending(bio));
    std::size_t count = 0;
    if (out.size() > start) {
      ::BIO_read_ex(bio, out.data() + start, out.size() - start, &count);
    }
    out.resize(start + count);
  }
  [[nodiscard]] Error handshake_error() const {
    const long verdict = ::SSL_get_verify_result(ssl_.get());
    if (verdict == X509_V_OK) {
      return tls_error(Errc::io, "TLS negotiation failed");
    }
    ::ERR_clear_error();
    const std::string who = host_.empty() ? "the client" : host_;
    return make_error(Errc::permission,
                      fmt::format("the certificate of {} is not accepted: {}", printable(who),
                                  ::X509_verify_cert_error_string(verdict)));
  }

  SslOwner ssl_;
  std::string host_;
  bool ended_ = false;
};

bool is_address(const std::string& host) {
  ASN1_OCTET_STRING* parsed = ::a2i_IPADDRESS(host.c_str());
  ::ASN1_OCTET_STRING_free(parsed);
  return parsed != nullptr;
}

bool set_server_name(SSL* ssl, const std::string& host) {  // the macro for it has an old cast
  std::string name = host;
  return ::SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1;
}

// SNI, and which name the certificate has to be for. Neither means anything without a host.
Status expect_host(SSL* ssl, const std::string& host) {
  ::X509_VERIFY_PARAM* rules = ::SSL_get0_param(ssl);
  const bool address = is_address(host);
  const bool set = address ? ::X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1
                           : set_server_name(ssl, host) &&
                                 ::X509_VERIFY_PARAM_set1_host(rules, host.data(), host.size()) == 1;
  return set ? success() : Status(tls_error(Errc::invalid, "the host name cannot be used with TLS"));
}

std::string common_name(SSL* ssl) {
  X509* certificate = ::SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr || ::SSL_get_verify_result(ssl) != X509_V_OK) {
    return {};
  }
  const int at = ::X509_NAME_get_index_by_NID(::X509_get_subject_name(certificate), NID_commonName, -1);
  if (at < 0) {
    return {};
  }
  const ASN1_STRING* value =
      ::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(::X509_get_subject_name(certificate), at));
  unsigned char* utf8 = nullptr;
  const int size = ::ASN1_STRING_to_UTF8(&utf8, value);
  if (size < 0) {
    return {};
  }
  std::string out(as_text(std::as_bytes(std::span(utf8, static_cast<std::size_t>(size)))));
  ::OPENSSL_free(utf8);
  return out.find('\0') == std::string::npos ? out : std::string();  // a NUL inside is an attempt to deceive
}

// RFC 9266 for TLS 1.3, RFC 5929 before: the first Finished message, which is the client's (no resumption).
void bind_channel(SSL* ssl, bool is_server, TlsInfo& info) {
  std::array<unsigned char, 64> data{};
  std::size_t size = 0;
  if (::SSL_version(ssl) >= TLS1_3_VERSION) {
    constexpr std::string_view label = "EXPORTER-Channel-Binding";
    size = 32;
    if (::SSL_export_keying_material(ssl, data.data(), size, label.data(), label.size(), nullptr, 0, 1) !=
        1) {
      return;
    }
    info.binding_name = "tls-exporter";
  } else {
    size = is_server ? ::SSL_get_peer_finished(ssl, data.data(), data.size())
                     : ::SSL_get_finished(ssl, data.data(), data.size());
    info.binding_name = "tls-unique";
  }
  info.binding_data.assign(as_text(std::as_bytes(std::span(data)).first(std::min(size, data.size()))));
}

TlsInfo info_of(SSL* ssl, bool is_server) {
  TlsInfo info;
  info.version = ::SSL_get_version(ssl);
  const SSL_CIPHER* cipher = ::SSL_get_current_cipher(ssl);
  info.cipher = ::SSL_CIPHER_get_name(cipher);
  info.bits = ::SSL_CIPHER_get_bits(cipher, &info.algorithm_bits);
  info.reused = ::SSL_session_reused(ssl) == 1;
  info.peer = common_name(ssl);
  bind_channel(ssl, is_server, info);
  return info;
}

}  // namespace

std::string TlsInfo::text() const {
  return fmt::format("{} with cipher {} ({}/{} bits {})", version, cipher, bits, algorithm_bits,
                     reused ? "reused" : "new");
}

Result<TlsInfo> start_tls(Connection& connection, const TlsContext& context, std::string_view host) {
  SslOwner ssl(::SSL_new(context.context_.get()));
  if (!ssl) {
    return tls_error(Errc::io, "TLS cannot start");
  }
  if (context.server_) {
    ::SSL_set_accept_state(ssl.get());
  } else {
    ::SSL_set_connect_state(ssl.get());
    if (!host.empty()) {
      CYR_CHECK(expect_host(ssl.get(), std::string(host)));
    }
  }
  auto layer = std::make_unique<TlsLayer>(std::move(ssl), std::string(host));
  SSL* const running = layer->ssl();  // the connection keeps it alive
  CYR_CHECK(connection.push_layer(std::move(layer), true));
  return info_of(running, context.server_);
}

}  // namespace cyr::wire

// The tls_* options of imapd.conf, and a client's settings, as an OpenSSL context.
#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <array>

#include "format/base/text.h"
#include "format/wire/tls.h"
#include "format/wire/tls_errors.h"

namespace cyr::wire {
namespace {

using conf::Option;

Result<std::shared_ptr<SSL_CTX>> new_context(const SSL_METHOD* method) {
  std::shared_ptr<SSL_CTX> context(::SSL_CTX_new(method), ::SSL_CTX_free);
  if (!context) {
    return tls_error(Errc::io, "TLS cannot start");
  }
  ::SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  ::SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
  ::SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_num_tickets(context.get(), 0);
  ::SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);  // idle connections are many
  // A key with a passphrase: nobody is there to be asked.
  ::SSL_CTX_set_default_passwd_cb(context.get(), [](char*, int, int, void*) { return 0; });
  return context;
}

// An option's value, "" when it is off.
std::string file_option(const conf::Config& config, Option option) {
  const std::string value(config.text(option));
  return value == "disabled" || value == "DEFAULT" ? std::string() : value;
}

Error option_error(Option option, const std::string& file, std::string_view what) {
  return tls_error(Errc::config, fmt::format("{}: {}", conf::name_of(option), what)).at(file);
}

// Two files (RSA and EC) may stand in each option, separated by a space.
Status use_certificates(SSL_CTX* context, const conf::Config& config) {
  const auto certificates = config.words(Option::tls_server_cert);
  const std::string keys_text = file_option(config, Option::tls_server_key);
  const auto keys = keys_text.empty() ? certificates : config.words(Option::tls_server_key);
  if (keys.size() != certificates.size()) {
    return make_error(Errc::config, "tls_server_cert and tls_server_key name a different number of files");
  }
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    if (::SSL_CTX_use_certificate_chain_file(context, certificates[i].c_str()) != 1) {
      return option_error(Option::tls_server_cert, certificates[i], "no certificate can be read");
    }
    if (::SSL_CTX_use_PrivateKey_file(context, keys[i].c_str(), SSL_FILETYPE_PEM) != 1) {
      return option_error(Option::tls_server_key, keys[i], "no key that fits the certificate can be read");
    }
  }
  return success();
}

// The certificates between ours and the root, where the certificate's own file does not have them.
Status use_chain(SSL_CTX* context, const conf::Config& config) {
  const std::string file = file_option(config, Option::tls_server_ca_file);
  const std::string directory = file_option(config, Option::tls_server_ca_dir);
  if (file.empty() && directory.empty()) {
    return success();
  }
  X509_STORE* store = ::X509_STORE_new();
  ::SSL_CTX_set0_chain_cert_store(context, store);  // takes it over
  if (!file.empty() && ::X509_STORE_load_file(store, file.c_str()) != 1) {
    return option_error(Option::tls_server_ca_file, file, "no certificates can be read");
  }
  if (!directory.empty() && ::X509_STORE_load_path(store, directory.c_str()) != 1) {
    return option_error(Option::tls_server_ca_dir, directory, "the directory cannot be used");
  }
  return success();
}

Status use_revocations(SSL_CTX* context, const conf::Config& config) {
  const std::string file = file_option(config, Option::tls_crl_file);
  if (file.empty()) {
    return success();
  }
  X509_STORE* store = ::SSL_CTX_get_cert_store(context);
  X509_LOOKUP* lookup = ::X509_STORE_add_lookup(store, ::X509_LOOKUP_file());
  if (lookup == nullptr || ::X509_load_crl_file(lookup, file.c_str(), X509_FILETYPE_PEM) < 1) {
    return option_error(Option::tls_crl_file, file, "no revocation list can be read");
  }
  ::X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return success();
}

// Client certificates are asked for only when there is somebody whose signature on them counts.
Status use_client_authorities(SSL_CTX* context, const conf::Config& config) {
  const std::string file = file_option(config, Option::tls_client_ca_file);
  const std::string directory = file_option(config, Option::tls_client_ca_dir);
  const std::string_view wanted = config.text(Option::tls_client_certs);
  if (wanted == "off") {
    return success();
  }
  if (file.empty() && directory.empty()) {
    return wanted == "require" ? Status(make_error(Errc::config,
                                                   "tls_client_certs: require needs tls_client_ca_file or "
                                                   "tls_client_ca_dir"))
                               : success();
  }
  if (!file.empty()) {
    if (::SSL_CTX_load_verify_file(context, file.c_str()) != 1) {
      return option_error(Option::tls_client_ca_file, file, "no certificates can be read");
    }
    ::SSL_CTX_set_client_CA_list(context, ::SSL_load_client_CA_file(file.c_str()));
  }
  if (!directory.empty() && ::SSL_CTX_load_verify_dir(context, directory.c_str()) != 1) {
    return option_error(Option::tls_client_ca_dir, directory, "the directory cannot be used");
  }
  CYR_CHECK(use_revocations(context, config));
  const int must = wanted == "require" ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE | must, nullptr);
  return success();
}

// tls_versions: only 1.2 and 1.3 are spoken, whatever else is named.
Status use_versions(SSL_CTX* context, const conf::Config& config) {
  const auto words = config.words(Option::tls_versions);
  const auto named = [&](std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  if (!named("tls1_2") && !named("tls1_3")) {
    return make_error(Errc::config,
                      "tls_versions: names neither tls1_2 nor tls1_3, older ones are not spoken");
  }
  ::SSL_CTX_set_min_proto_version(context, named("tls1_2") ? TLS1_2_VERSION : TLS1_3_VERSION);
  ::SSL_CTX_set_max_proto_version(context, named("tls1_3") ? TLS1_3_VERSION : TLS1_2_VERSION);
  return success();
}

Status use_dh_parameters(SSL_CTX* context, const conf::Config& config) {
  const std::string file = file_option(config, Option::tls_server_dhparam);
  if (file.empty()) {
    ::SSL_CTX_set_dh_auto(context, 1);
    return success();
  }
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(::BIO_new_file(file.c_str(), "r"), ::BIO_free);
  EVP_PKEY* key = bio ? ::PEM_read_bio_Parameters(bio.get(), nullptr) : nullptr;
  if (key == nullptr || ::SSL_CTX_set0_tmp_dh_pkey(context, key) != 1) {
    ::EVP_PKEY_free(key);
    return option_error(Option::tls_server_dhparam, file, "no DH parameters can be read");
  }
  return success();
}

Status use_ciphers(SSL_CTX* context, const conf::Config& config) {
  const std::string ciphers(config.text(Option::tls_ciphers));
  if (!ciphers.empty() && ::SSL_CTX_set_cipher_list(context, ciphers.c_str()) != 1) {
    return tls_error(Errc::config, "tls_ciphers: no cipher of this list is known");
  }
  const std::string curve(config.text(Option::tls_eccurve));
  if (config.is_set(Option::tls_eccurve) && ::SSL_CTX_set1_groups_list(context, curve.c_str()) != 1) {
    return tls_error(Errc::config, "tls_eccurve: '" + printable(curve) + "' is no curve that is known");
  }
  if (config.is_on(Option::tls_prefer_server_ciphers)) {
    ::SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  }
  return success();
}

}  // namespace

Result<TlsContext> TlsContext::server(const conf::Config& config) {
  if (file_option(config, Option::tls_server_cert).empty()) {
    return make_error(Errc::not_found, "TLS is not configured")
        .with_hint("tls_server_cert and tls_server_key in imapd.conf name the certificate and its key");
  }
  CYR_TRY(auto context, new_context(::TLS_server_method()));
  for (const auto step :
       {use_certificates, use_chain, use_client_authorities, use_versions, use_dh_parameters, use_ciphers}) {
    CYR_CHECK(step(context.get(), config));
  }
  return TlsContext(std::move(context), true);
}

Result<TlsContext> TlsContext::client(const TlsClientOptions& options) {
  CYR_TRY(auto context, new_context(::TLS_client_method()));
  SSL_CTX* const raw = context.get();
  ::SSL_CTX_set_verify(raw, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (options.ca_file.empty() && options.ca_directory.empty()) {
    ::SSL_CTX_set_default_verify_paths(raw);
  }
  if (!options.ca_file.empty() && ::SSL_CTX_load_verify_file(raw, options.ca_file.c_str()) != 1) {
    return tls_error(Errc::config, "no certificates can be read").at(options.ca_file);
  }
  if (!options.ca_directory.empty() && ::SSL_CTX_load_verify_dir(raw, options.ca_directory.c_str()) != 1) {
    return tls_error(Errc::config, "the directory cannot be used").at(options.ca_directory);
  }
  if (!options.certificate.empty()) {
    const fs::path& key = options.key.empty() ? options.certificate : options.key;
    if (::SSL_CTX_use_certificate_chain_file(raw, options.certificate.c_str()) != 1) {
      return tls_error(Errc::config, "no certificate can be read").at(options.certificate);
    }
    if (::SSL_CTX_use_PrivateKey_file(raw, key.c_str(), SSL_FILETYPE_PEM) != 1) {
      return tls_error(Errc::config, "no key that fits the certificate can be read").at(key);
    }
  }
  return TlsContext(std::move(context), false);
}

}  // namespace cyr::wire

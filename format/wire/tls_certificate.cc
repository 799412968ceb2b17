// A certificate that signs itself, for a server at home: clients have to be told to trust it.
#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <memory>

#include "format/wire/tls.h"
#include "format/wire/tls_errors.h"

namespace cyr::wire {
namespace {

using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
using Certificate = std::unique_ptr<X509, void (*)(X509*)>;
using Memory = std::unique_ptr<BIO, int (*)(BIO*)>;

bool add_extension(X509* certificate, int id, const std::string& value) {
  ::X509V3_CTX context{};
  ::X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = ::X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  const bool added = extension != nullptr && ::X509_add_ext(certificate, extension, -1) == 1;
  ::X509_EXTENSION_free(extension);
  return added;
}

// "DNS:localhost,IP:127.0.0.1"
std::string alternative_names(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) {
    ASN1_OCTET_STRING* address = ::a2i_IPADDRESS(name.c_str());
    out += fmt::format("{}{}:{}", out.empty() ? "" : ",", address != nullptr ? "IP" : "DNS", name);
    ::ASN1_OCTET_STRING_free(address);
  }
  return out;
}

bool fill_in(X509* certificate, EVP_PKEY* key, const std::vector<std::string>& names, int days) {
  std::uint64_t serial = 0;
  if (::RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) {  // NOLINT
    return false;
  }
  X509_NAME* subject = ::X509_get_subject_name(certificate);
  const auto* const common = reinterpret_cast<const unsigned char*>(names.front().c_str());  // NOLINT
  return ::X509_set_version(certificate, 2) == 1 &&
         ::ASN1_INTEGER_set_uint64(::X509_get_serialNumber(certificate), serial >> 1U) == 1 &&
         ::X509_gmtime_adj(::X509_getm_notBefore(certificate), -3600) != nullptr &&
         ::X509_gmtime_adj(::X509_getm_notAfter(certificate), 86400L * days) != nullptr &&
         ::X509_set_pubkey(certificate, key) == 1 &&
         ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, common, -1, -1, 0) == 1 &&
         ::X509_set_issuer_name(certificate, subject) == 1 &&
         add_extension(certificate, NID_subject_alt_name, alternative_names(names)) &&
         add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE") &&
         ::X509_sign(certificate, key, ::EVP_sha256()) > 0;
}

std::string text_of(BIO* bio) {
  std::string out(::BIO_ctrl_pending(bio), '\0');
  std::size_t count = 0;
  ::BIO_read_ex(bio, out.data(), out.size(), &count);
  out.resize(count);
  return out;
}

}  // namespace

Result<SelfSigned> make_self_signed(const std::vector<std::string>& names, int days) {
  if (names.empty() || days < 1) {
    return make_error(Errc::invalid, "a certificate needs a name and a day or more to live");
  }
  const Key key(::EVP_EC_gen("P-256"), ::EVP_PKEY_free);
  const Certificate certificate(::X509_new(), ::X509_free);
  const Memory key_text(::BIO_new(::BIO_s_mem()), ::BIO_free);
  const Memory certificate_text(::BIO_new(::BIO_s_mem()), ::BIO_free);
  if (!key || !certificate || !fill_in(certificate.get(), key.get(), names, days) ||
      ::PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      ::PEM_write_bio_X509(certificate_text.get(), certificate.get()) != 1) {
    return tls_error(Errc::invalid, "no certificate can be made for " + names.front());
  }
  return SelfSigned{text_of(key_text.get()), text_of(certificate_text.get())};
}

}  // namespace cyr::wire

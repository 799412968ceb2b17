#include "format/base/digest.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <charconv>
#include <memory>

namespace cyr {

namespace {

// The algorithm is looked for once, and a thread keeps its context: for a small message either would take
// longer than the digest.
class Sha1 {
 public:
  static Sha1& of_this_thread() {
    thread_local Sha1 sha1;
    return sha1;
  }
  // False where the library refuses.
  bool digest(Bytes bytes, Guid& guid) {
    auto* const out = reinterpret_cast<unsigned char*>(guid.raw.data());
    return context_ != nullptr && algorithm() != nullptr &&
           EVP_DigestInit_ex2(context_.get(), algorithm(), nullptr) == 1 &&
           EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1 &&
           EVP_DigestFinal_ex(context_.get(), out, nullptr) == 1;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  static const EVP_MD* algorithm() {
    static const EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);  // as long as the process
    return sha1;
  }
  std::unique_ptr<EVP_MD_CTX, Free> context_{EVP_MD_CTX_new()};
};

}  // namespace

std::string Guid::hex() const { return to_hex(raw); }

Guid sha1(Bytes bytes) {
  Guid guid;
  if (!Sha1::of_this_thread().digest(bytes, guid)) {
    SHA1(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),  // NOLINT
         reinterpret_cast<unsigned char*>(guid.raw.data()));                  // NOLINT
  }
  return guid;
}

std::string to_hex(Bytes bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    out += digits[std::to_integer<std::size_t>(byte >> 4)];
    out += digits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return out;
}

std::optional<Buffer> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) {
    return {};
  }
  Buffer out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    const auto [end, failed] = std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    if (failed != std::errc{} || end != text.data() + i + 2) {
      return {};
    }
    out.push_back(static_cast<std::byte>(value));
  }
  return out;
}

}  // namespace cyr

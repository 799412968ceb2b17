// The client side of SASL, by Cyrus SASL: whatever mechanisms its plug-ins bring (PLAIN, LOGIN, CRAM-MD5,
// DIGEST-MD5, SCRAM-*, GSSAPI, EXTERNAL ...). How a protocol frames the exchange is the caller's business.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "format/wire/layer.h"
#include "format/wire/tls.h"

namespace cyr::wire {

struct SaslClientSettings {
  std::string service;        // "imap": what Kerberos tickets are for
  std::string host;           // the server's name, for the same
  std::string local = {};     // "192.0.2.1;4711"; empty when unknown
  std::string remote = {};    // "192.0.2.2;143"
  std::string user;           // who proves himself
  std::string authorization;  // whom he wants to be; empty: himself
  // Called when a mechanism needs the password, and only then.
  std::function<Result<std::string>()> password;
  bool plaintext = false;        // mechanisms that show the password to who listens
  unsigned minimum_layer = 0;    // bits
  unsigned maximum_layer = 256;  // bits; 0: no security layer of SASL itself
};

// One exchange. Errors are Errc::permission with the library's reason, or the one that `password` gave.
class SaslClient {
 public:
  static Result<SaslClient> create(SaslClientSettings settings);
  SaslClient(SaslClient&&) noexcept;
  SaslClient& operator=(SaslClient&&) noexcept;
  ~SaslClient();

  // TLS below: its strength counts, and its channel binding is there for the -PLUS mechanisms.
  // `own_certificate`: we have presented one, so that EXTERNAL can be used.
  void set_tls(const TlsInfo& tls, bool own_certificate);

  struct Start {
    std::string mechanism;
    std::optional<std::string> initial;  // raw, to be sent first where the mechanism begins
  };
  // Picks the best of `mechanisms` (separated by blanks) that the settings allow.
  Result<Start> start(const std::string& mechanisms);
  // The answer to a challenge, both raw. After the server's success a last challenge may be left to check.
  Result<std::string> step(std::string_view challenge);
  // True when the mechanism itself has nothing more to say: the server has proved that it knows the password,
  // where the mechanism can do that.
  [[nodiscard]] bool finished() const;
  // The layer to push once the server has said that it is over; nothing when none was agreed on.
  [[nodiscard]] std::unique_ptr<Layer> security_layer() const;

 private:
  struct Impl;
  explicit SaslClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cyr::wire

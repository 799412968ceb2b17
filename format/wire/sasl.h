// The server side of SASL, by Cyrus SASL: the same mechanisms, password databases and sasl_* options that a
// site uses already (server.md 2.1). Who may act for whom and how names are written is the caller's business.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "format/conf/imapd_conf.h"
#include "format/wire/layer.h"
#include "format/wire/tls.h"

namespace cyr::wire {

// The library in a process that serves: one, made before the first SaslServer and kept as long as there is
// any. Every sasl_* option of `config` goes to it without that prefix.
class SaslLibrary {
 public:
  static Result<std::unique_ptr<SaslLibrary>> start(std::shared_ptr<const conf::Config> config);
  SaslLibrary(const SaslLibrary&) = delete;
  SaslLibrary& operator=(const SaslLibrary&) = delete;
  ~SaslLibrary();

 private:
  struct Impl;
  explicit SaslLibrary(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct SaslServerSettings {
  std::string service;      // "imap", "pop", "lmtp": what saslauthd and Kerberos are told
  std::string server_name;  // the realm of names without one
  std::string local;        // "192.0.2.1;143"; empty when unknown
  std::string remote;
  bool plaintext = false;  // PLAIN and LOGIN also without a layer below
  bool anonymous = false;
  unsigned minimum_layer = 0;    // bits
  unsigned maximum_layer = 256;  // bits; 0: no security layer of SASL itself
  // A name as typed to its canonical form; `authentication`: who proved himself, when `user` is the one he
  // wants to be (empty otherwise). An error refuses the login.
  std::function<Result<std::string>(std::string_view user, std::string_view authentication)> canonicalize;
  // May `authentication` act as `authorization`? Called for equal names, too.
  std::function<Status(std::string_view authorization, std::string_view authentication)> authorize;
};

struct SaslStep {
  enum class State : std::uint8_t { challenge, done, failed };
  State state = State::failed;
  std::string
      data;      // challenge: to be sent (raw). The last words of a mechanism are one, too: answered by ""
  int code = 0;  // failed: libsasl2's number, such as -13
  std::string reason;  // failed: for the client ("authentication failure")
  std::string detail;  // failed: for the log: "SASL(-13): authentication failure: checkpass failed"
};

// One connection's authentication. After a failure it can be tried again.
class SaslServer {
 public:
  static Result<SaslServer> create(SaslServerSettings settings);
  SaslServer(SaslServer&&) noexcept;
  SaslServer& operator=(SaslServer&&) noexcept;
  ~SaslServer();

  // TLS below: its strength permits plaintext mechanisms, its client certificate EXTERNAL, its channel
  // binding the -PLUS mechanisms.
  void set_tls(const TlsInfo& tls);
  // A connection that is trusted as `user`, such as a UNIX socket: EXTERNAL.
  void set_trusted(const std::string& user);

  // What can be offered now: prefix + name + prefix + name ... with `separator` between; "" for none.
  [[nodiscard]] std::string mechanisms(std::string_view prefix, std::string_view separator);

  // AUTH: `initial` is the raw initial response, if there was one (an empty one is not none).
  SaslStep start(std::string_view mechanism, const std::optional<std::string>& initial);
  SaslStep step(std::string_view response);
  // LOGIN and USER/PASS. Done or failed.
  SaslStep check_password(std::string_view user, std::string_view password);
  // Stores a password (sasldb); adds the user if there is no such one.
  Status set_password(const std::string& user, const std::string& password);
  // APOP: a stamp for the greeting, "" when the library cannot; and the answer "user digest".
  [[nodiscard]] std::string apop_stamp();
  SaslStep check_apop(std::string_view stamp, std::string_view response);

  // After done: the user to act as, who proved himself, and by which mechanism ("" after check_password).
  [[nodiscard]] std::string user() const;
  [[nodiscard]] std::string authentication() const;
  [[nodiscard]] std::string mechanism() const;
  // The name a failed attempt was for, where the mechanism got that far; for the log.
  [[nodiscard]] std::string attempted() const;
  // The layer to push after the answer was sent; nothing when none was agreed on.
  [[nodiscard]] std::unique_ptr<Layer> security_layer() const;

 private:
  struct Impl;
  explicit SaslServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cyr::wire

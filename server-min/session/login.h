// Proving who one is: passwords and SASL, who may act for whom, who is refused, and the lines that the log
// gets about it (server.md 2.1, 2.3).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "format/wire/sasl.h"
#include "server-min/session/identity.h"
#include "server-min/session/service.h"

namespace cyr::session {

// The other side of the connection.
struct Peer {
  std::string name = "[local]";  // "localhost [127.0.0.1]"; "[unix socket]"
  std::string address = {};      // "127.0.0.1"; empty: not TCP
  std::string local_address = {};
  std::string sasl_remote = {};  // "127.0.0.1;40000"
  std::string sasl_local = {};
  [[nodiscard]] bool is_tcp() const { return !address.empty(); }
};

struct Verdict {
  enum class Kind : std::uint8_t {
    accepted,
    refused,    // `text` tells the client why
    cancelled,  // the client sent "*"
    bad_input,  // no base64
    too_many,   // maxlogins_per_host or _user; `text`
    closed,     // the connection is gone
  };
  Kind kind = Kind::refused;
  std::string text = {};  // "authentication failure"
  [[nodiscard]] bool ok() const { return kind == Kind::accepted; }
};

class Login {
 public:
  // `session_id` is asked for when a line is logged.
  Login(Service& service, Peer peer, std::function<std::string()> session_id);

  // TLS was started; the mechanisms that can be offered change.
  void set_tls(const wire::TlsInfo& tls);
  // A UNIX socket or the like: EXTERNAL as `user` is offered.
  void set_trusted(const std::string& user);
  // allowplaintext, or TLS below: LOGIN, USER/PASS.
  [[nodiscard]] bool plaintext_allowed() const;
  // "AUTH=PLAIN AUTH=LOGIN"; "" for none.
  [[nodiscard]] std::string mechanisms(std::string_view prefix, std::string_view separator = " ");

  // LOGIN and USER/PASS. Waits failedloginpause before it refuses.
  Verdict with_password(std::string_view user, std::string_view password);
  // AUTHENTICATE. `initial`: the initial response as sent (base64, "=" for an empty one). `ask` sends a
  // challenge (base64) as the protocol does and gives the client's line.
  using Ask = std::function<Result<std::string>(const std::string& challenge)>;
  Verdict authenticate(std::string_view mechanism, const std::optional<std::string>& initial, const Ask& ask);
  // POP3. A stamp "<...>" for the greeting, "" when APOP is off.
  [[nodiscard]] const std::string& apop_stamp();
  Verdict with_apop(std::string_view user_and_digest);
  // Logged in without proof, as lmtpd does on a UNIX socket.
  void preauthenticate(const std::string& user);

  [[nodiscard]] bool logged_in() const { return logged_in_; }
  [[nodiscard]] const Identity& identity() const { return identity_; }
  [[nodiscard]] const std::string& user() const { return identity_.user(); }
  [[nodiscard]] bool is_admin() const { return admin_; }
  [[nodiscard]] bool is_proxy() const { return proxy_; }
  // plaintextloginalert, for those who sent a password in the clear.
  [[nodiscard]] std::string alert() const;
  // To be pushed after the positive answer was sent; nothing without one. Once.
  [[nodiscard]] std::unique_ptr<wire::Layer> take_security_layer();
  // UNAUTHENTICATE.
  void reset();

 private:
  [[nodiscard]] wire::SaslServer& sasl();
  Status may_act_as(std::string_view user, std::string_view authentication);
  [[nodiscard]] bool has_admin_right_on_inbox(const Identity& who, std::string_view user) const;
  Verdict finish(const wire::SaslStep& step, const std::string& mechanism);
  Verdict with_anonymous_password(std::string_view password);
  Verdict accept(const std::string& user, const std::string& authentication, const std::string& mechanism);
  Verdict refuse(std::string text, std::string_view mechanism, std::string_view user,
                 std::string_view detail);
  [[nodiscard]] std::optional<std::string> too_many_logins(const std::string& user) const;
  [[nodiscard]] std::string with_layer(const std::string& mechanism) const;
  void become(const std::string& user);

  Service& service_;
  Peer peer_;
  std::function<std::string()> session_id_;
  std::optional<wire::SaslServer> sasl_;
  std::optional<wire::TlsInfo> tls_;
  std::string trusted_;
  std::string stamp_;
  Identity identity_;
  bool logged_in_ = false;
  bool admin_ = false;
  bool proxy_ = false;
  bool plaintext_ = false;  // a password came over without TLS
};

}  // namespace cyr::session

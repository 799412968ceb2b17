// The conversation with an LMTP client (RFC 2033).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "format/store/deliveries.h"
#include "server-min/lmtpd/command.h"
#include "server-min/lmtpd/recipient.h"
#include "server-min/session/session.h"

namespace cyr::lmtpd {

// Until the client leaves. `trusted`: it need not log in (-a); a client on a UNIX socket need not either.
void serve(session::Session& session, bool trusted);

class Dialogue {
 public:
  Dialogue(session::Session& session, bool trusted);
  void run();

 private:
  void reply(std::string_view line);
  // False when the connection shall end.
  bool serve_command(const std::string& line);
  void lhlo(const std::string& argument);
  void mail(const std::string& argument);
  void rcpt(const std::string& argument);
  bool data();
  void auth(const std::string& argument);
  bool start_tls();
  void reset();
  // Takes MAIL's parameters; the reply to an error, empty for none.
  std::string take_parameters(const PathArgument& path, Posting& posting) const;
  [[nodiscard]] std::string head(const std::string& sender) const;
  [[nodiscard]] std::string refuse_unauthenticated() const;

  session::Session& session_;
  wire::Connection& connection_;
  Directory directory_;
  bool trusted_;
  std::string client_;  // LHLO's argument; empty: not greeted yet
  std::optional<std::string> sender_;
  Posting posting_;
  std::vector<Recipient> recipients_;
  std::optional<store::Deliveries> deliveries_;
  int errors_ = 0;
};

}  // namespace cyr::lmtpd

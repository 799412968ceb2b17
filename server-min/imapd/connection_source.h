// The engine's side of a real connection: commands from it, answers to it, the login of server-min/session.
#pragma once

#include "server-min/imapd/imap_session.h"
#include "server-min/session/session.h"

namespace cyr::imapd {

// Lines and literals of the connection. When it ends in another way than by LOGOUT the client is told why.
class ConnectionSource : public CommandSource {
 public:
  ConnectionSource(session::Session& service, Session& imap) : service_(service), imap_(imap) {}
  Result<std::string> line(std::size_t max) override;
  Status literal(std::uint64_t size, const Take& take) override;
  Status go_ahead(std::string_view text) override;

 private:
  Error ended(const Error& error);
  session::Session& service_;
  Session& imap_;
};

class ConnectionTransport : public Transport {
 public:
  explicit ConnectionTransport(session::Session& service) : service_(service) {}
  // Where farewells go.
  void set_output(Output* out) { out_ = out; }

  bool can_start_tls() override { return service_.can_start_tls(); }
  bool tls_active() override { return service_.tls_active(); }
  bool plaintext_allowed() override { return service_.login().plaintext_allowed(); }
  std::string mechanisms() override { return service_.login().mechanisms("AUTH="); }
  Status start_tls() override { return service_.start_tls(); }
  Status start_compression() override;
  LoginOutcome login(const std::string& user, const std::string& password) override;
  LoginOutcome authenticate(const std::string& mechanism, const std::optional<std::string>& initial) override;
  Status welcome(const std::string& line) override { return service_.welcome(line); }
  void log_out_user() override { service_.login().reset(); }
  Wake wait(int descriptor, std::chrono::milliseconds most) override;
  void show(std::string_view mailbox, std::string_view command) override;
  std::string session_id() const override { return service_.id(); }
  std::string version() const override { return std::string(session::Session::version()); }

 private:
  LoginOutcome outcome_of(const session::Verdict& verdict);
  session::Session& service_;
  Output* out_ = nullptr;
};

}  // namespace cyr::imapd

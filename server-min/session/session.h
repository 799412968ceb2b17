// One connection of a service, from accept() to its end.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "format/wire/connection.h"
#include "server-min/session/admin_files.h"
#include "server-min/session/login.h"
#include "server-min/session/service.h"

namespace cyr::session {

// Processor time of this process, in microseconds.
struct Usage {
  std::int64_t user = 0;
  std::int64_t system = 0;
};

class Session {
 public:
  // Takes over the descriptors. Starts TLS for services with -s; then connection() may be closed already.
  Session(Service& service, int in_fd, int out_fd);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  [[nodiscard]] Service& service() { return service_; }
  [[nodiscard]] const conf::Config& config() const { return service_.config(); }
  [[nodiscard]] store::Store& store() { return service_.store(); }
  [[nodiscard]] wire::Connection& connection() { return connection_; }
  [[nodiscard]] const Peer& peer() const { return peer_; }
  [[nodiscard]] Login& login() { return login_; }

  // "mail.example.org cyrkit IMAP 0.1.0 server ready", less as `serverinfo` says.
  [[nodiscard]] std::string banner(std::string_view protocol) const;
  [[nodiscard]] static std::string_view version();

  // The present SESSIONID, without brackets; new_id() makes the next one.
  [[nodiscard]] const std::string& id() const { return id_; }
  void new_id();

  // STARTTLS: may it be offered (configured, not active yet, no SASL layer), is it active, do it. Call
  // start_tls() after the answer was written. After an error the connection has to be closed.
  [[nodiscard]] bool can_start_tls() const;
  [[nodiscard]] bool tls_active() const { return tls_active_; }
  Status start_tls();
  // Sends the positive answer to a login (with its line end): the telemetry begins with it, a security layer
  // is in force after it, and the proc file shows the user.
  Status welcome(std::string_view answer);

  // proc file: the mailbox that is selected (internal name, "" for none), the command that runs ("" for
  // none).
  void show_mailbox(std::string_view mailbox);
  void show_command(std::string_view command);

  // The text of msg/shutdown, when it is there, at most once a second looked up; TERM: "Server shutting
  // down". To be asked between two commands.
  [[nodiscard]] std::optional<std::string> should_end();
  [[nodiscard]] std::optional<std::string> motd() const { return message_of_the_day(service_.store()); }

 private:
  [[nodiscard]] std::string_view config_text(conf::Option option) const {
    return service_.config().text(option);
  }
  void show();
  void start_telemetry();

  Service& service_;
  Peer peer_;
  wire::Connection connection_;
  std::string id_;
  unsigned id_count_ = 0;
  Login login_;
  bool tls_active_ = false;
  bool layer_active_ = false;
  ProcFile proc_file_;
  ProcEntry shown_;
  std::optional<Telemetry> telemetry_;
  std::optional<std::string> shutdown_;
  std::chrono::steady_clock::time_point shutdown_seen_{};
  Usage usage_;  // of the process, when the session began
};

// A session of `service` on these descriptors, until it ends. What goes wrong is in the log.
void serve_one(Service& service, int in_fd, int out_fd) noexcept;

}  // namespace cyr::session

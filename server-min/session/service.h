// What a service has in common with every other: its main, its configuration, and one Session after another.
//
// A service is this, and nothing else in its main:
//
//   void serve(session::Session& session) {             // one connection, until it ends
//     session.connection().write("* OK " + session.banner("IMAP") + "\r\n");
//     while (!session.should_end()) { ... session.connection().read_line(limit) ... session.login() ... }
//   }
//   int main(int argc, char** argv) {
//     return session::run_service(argc, argv, {.program = "imapd", .protocol = "imap", .letters = "s",
//                                              .serve = serve});
//   }
//
// run_service takes the options that all services have (-C -U -T -D -X -V; server.md 1.3), reads imapd.conf
// under the name that cyrus.conf gives the service, opens the log, and accepts connections as a child of
// `master`, ours or the real one, or serves one on stdin and stdout (-X). Everything that belongs to one
// connection (login, TLS, proc file, telemetry) is in Session and gone with it; what is opened once per
// process is in Service.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "format/conf/imapd_conf.h"
#include "format/store/store.h"
#include "format/wire/sasl.h"
#include "format/wire/tls.h"

namespace cyr::session {

class Service;
class Session;

struct ServiceDefinition {
  std::string_view program;   // "imapd"
  std::string_view protocol;  // "imap": for SASL, and the service's name outside a master
  // Further options in getopt(3)'s spelling, such as "sa" or "p:". -s is known: TLS from the first byte.
  std::string_view letters = {};
  // Called for those, in order.
  std::function<Status(char letter, const std::string& value)> option = {};
  // Once per process, after the configuration was read; an error ends the program.
  std::function<Status(Service& service)> prepare = {};
  std::function<void(Session& session)> serve;
};

// Never throws; the exit status of the program.
int run_service(int argc, char** argv, const ServiceDefinition& definition);

class Service {
 public:
  static Result<std::unique_ptr<Service>> start(const ServiceDefinition& definition,
                                                std::shared_ptr<const conf::Config> config, std::string name,
                                                bool tls_first);

  [[nodiscard]] const ServiceDefinition& definition() const { return definition_; }
  [[nodiscard]] const conf::Config& config() const { return *config_; }
  [[nodiscard]] const std::string& name() const { return name_; }  // as in cyrus.conf: "imap", "lmtpunix"
  [[nodiscard]] store::Store& store() const { return *store_; }
  [[nodiscard]] Io& io() const { return store_->io(); }
  [[nodiscard]] const std::string& server_name() const { return server_name_; }
  // Nothing when TLS is not configured or its files cannot be used (that is in the log).
  [[nodiscard]] const wire::TlsContext* tls() const { return tls_ ? &*tls_ : nullptr; }
  [[nodiscard]] bool tls_first() const { return tls_first_; }

 private:
  Service() = default;
  ServiceDefinition definition_;
  std::shared_ptr<const conf::Config> config_;
  std::string name_;
  std::string server_name_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<wire::SaslLibrary> sasl_;
  std::optional<wire::TlsContext> tls_;
  bool tls_first_ = false;
};

}  // namespace cyr::session

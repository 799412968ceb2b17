// TLS 1.2 and 1.3 for both sides, by OpenSSL 3 (server.md 2.2). The only room that knows OpenSSL's TLS.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "format/conf/imapd_conf.h"
#include "format/wire/connection.h"

struct ssl_ctx_st;

namespace cyr::wire {

// What was agreed on, for the log and for SASL.
struct TlsInfo {
  std::string version;       // "TLSv1.3"
  std::string cipher;        // "TLS_AES_256_GCM_SHA384"
  int bits = 0;              // of the key in use
  int algorithm_bits = 0;    // of the algorithm
  bool reused = false;       // a resumed session
  std::string peer;          // the common name of the peer's verified certificate; empty: none
  std::string binding_name;  // channel binding for SCRAM-*-PLUS: "tls-exporter" or "tls-unique"
  std::string binding_data;

  // "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits new)", as in Cyrus's log.
  [[nodiscard]] std::string text() const;
};

struct TlsClientOptions {
  fs::path ca_file = {};       // both empty: those of the system
  fs::path ca_directory = {};  // hashed names
  bool verify = true;
  fs::path certificate = {};  // PEM, with its chain; empty: none is presented
  fs::path key = {};          // empty: in the certificate's file
};

// Certificates, keys and settings; shared by all connections of a process.
class TlsContext {
 public:
  // From the tls_* options. Errc::config with the option and file at fault; Errc::not_found when TLS is not
  // configured (no tls_server_cert, or "disabled").
  static Result<TlsContext> server(const conf::Config& config);
  static Result<TlsContext> client(const TlsClientOptions& options);

 private:
  friend Result<TlsInfo> start_tls(Connection& connection, const TlsContext& context, std::string_view host);
  explicit TlsContext(std::shared_ptr<ssl_ctx_st> context, bool is_server)
      : context_(std::move(context)), server_(is_server) {}
  std::shared_ptr<ssl_ctx_st> context_;
  bool server_;
};

// Shakes hands; input that came before is dropped. Client: `host` (a name or an address) is sent as SNI and
// has to be in the certificate. A server passes none. After an error the connection is of no use.
Result<TlsInfo> start_tls(Connection& connection, const TlsContext& context, std::string_view host = {});

// A new P-256 key and a certificate for it, signed by itself, both PEM: for a server at home. `names` are DNS
// names and addresses, the first one is the common name. `days` from now.
struct SelfSigned {
  std::string key;
  std::string certificate;
};
Result<SelfSigned> make_self_signed(const std::vector<std::string>& names, int days);

}  // namespace cyr::wire

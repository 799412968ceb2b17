// One connection to an IMAP server: greeting, TLS, login, commands and their answers. What the commands mean
// is imap_backend's business.
//
// The server is not trusted before TLS has proved who it is: passwords go over an open line only where nobody
// can listen (a UNIX socket, loopback) or the user has said so; what came before TLS is forgotten; a STARTTLS
// that was offered and does not work ends the connection. Nothing of the server's is bounded by the server:
// line and response sizes, and the time it may take, are limited here.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cyradm/imap_command.h"
#include "cyradm/imap_response.h"
#include "format/wire/connection.h"
#include "format/wire/sasl_client.h"
#include "format/wire/tls.h"

namespace cyr::cyradm {

enum class TlsUse : std::uint8_t {
  when_offered,
  required,
  from_start,  // no STARTTLS: TLS from the first byte (port 993)
  never,
};

struct ImapSettings {
  std::string server;  // as the user named it: HOST, HOST:PORT, [ADDRESS]:PORT, or the path of a socket
  std::string port = "143";
  TlsUse tls = TlsUse::when_offered;
  wire::TlsClientOptions tls_options = {};
  bool allow_plaintext = false;  // the password over an open line
  std::string user;
  bool user_named = false;  // by the person, not taken from the environment
  std::string authorization;
  std::string mechanisms;  // empty: what the server offers
  std::string service = "imap";
  unsigned minimum_layer = 0;    // bits
  unsigned maximum_layer = 256;  // bits
  std::chrono::seconds login_timeout{60};
  std::chrono::seconds timeout{1800};  // for the next line of an answer
  int wake_fd = -1;                    // readable: the user wants to stop
  // The password of `user` on `host`; `attempt` counts from 0.
  std::function<Result<std::string>(const std::string& host, const std::string& user)> password;
  // [ALERT] texts: the protocol wants them shown.
  std::function<void(const std::string& text)> alert;
};

struct ServerAddress {
  std::string host;  // or path
  std::string port;
  bool is_path = false;
};
// "HOST", "HOST:PORT", "[::1]:143", "::1", "/run/cyrus/socket/imap".
[[nodiscard]] ServerAddress parse_server(std::string_view server, const std::string& default_port);

class ImapClient {
 public:
  // Connects, reads the greeting and starts TLS; not logged in. Errc::not_found unknown host, Errc::io no
  // connection, Errc::permission a certificate or a server that cannot be trusted, Errc::cancelled.
  static Result<std::unique_ptr<ImapClient>> open(const ImapSettings& settings);

  // Errc::permission with the server's reason.
  Status login(const ImapSettings& settings);
  [[nodiscard]] bool logged_in() const { return logged_in_; }

  [[nodiscard]] bool has(std::string_view capability) const;
  // False after any error but NO and BAD; also notices that the server has hung up since.
  [[nodiscard]] bool usable();

  using OnData = std::function<Status(ImapResponse&&)>;
  // The tagged answer, whether OK, NO or BAD; `on_data` gets every untagged response with data before it. Its
  // error is returned after the answer has been read. Errc::io: "Connection to server lost.", and why.
  Result<ImapResponse> run(const ImapCommand& command, const OnData& on_data = {});

  // After anything was sent that is not answered: closed without a word.
  void close();

 private:
  ImapClient() = default;
  Result<ImapResponse> read_response();
  Result<ImapResponse> wait_for_answer(const std::string& tag, const OnData& on_data, bool continuation);
  // Sees everything untagged; true when `response` was about the connection and not for the caller.
  bool take_note(const ImapResponse& response);
  void set_capabilities(const std::vector<std::string>& words);
  Status ask_capabilities();
  Status read_greeting();
  Status begin_tls(const ImapSettings& settings);
  Status secure(const ImapSettings& settings);
  // Mechanisms, separated by blanks.
  struct Offer {
    std::string tickets;
    std::string others;
    std::string unsafe;  // not to be used on this line
  };
  [[nodiscard]] Offer offered(const ImapSettings& settings) const;
  Status prove_identity(const ImapSettings& settings, const Offer& offer);
  Status authenticate(const ImapSettings& settings, const std::string& mechanisms);
  Result<ImapResponse> exchange(const wire::SaslClient::Start& start);
  void abandon(const std::string& tag);
  Status login_command(const ImapSettings& settings);
  Status after_login(const ImapResponse& answer);
  Result<std::string> answer_challenge(const ImapResponse& response, std::optional<std::string>& initial);
  [[nodiscard]] bool line_is_safe(const ImapSettings& settings) const;
  Error lost(const Error& cause);
  std::string next_tag() { return std::to_string(++tag_number_); }

  std::string host_;
  bool local_ = false;
  std::string own_address_;
  std::string peer_address_;
  std::optional<wire::TlsInfo> tls_;
  std::optional<wire::SaslClient> sasl_;  // outlives the connection's layer
  std::unique_ptr<wire::Connection> connection_;
  std::set<std::string, std::less<>> capabilities_;
  bool capabilities_known_ = false;
  bool logged_in_ = false;
  bool preauthenticated_ = false;
  std::string goodbye_;  // the text of BYE
  unsigned tag_number_ = 0;
  std::function<void(const std::string& text)> alert_;
};

}  // namespace cyr::cyradm

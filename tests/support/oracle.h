// The real Cyrus 3.6.1, unpacked by scripts/fetch-oracle into build/oracle (or where CYRKIT_ORACLE says): its
// tools, and its server on loopback ports, to judge what our programs wrote. Nothing of it is installed.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "format/base/path.h"
#include "tests/support/process.h"
#include "tests/support/temp_store.h"

namespace cyr::test::oracle {

// True when the real programs are there and run. Otherwise why_not() says what is missing.
[[nodiscard]] bool available();
[[nodiscard]] std::string why_not();

// For the main() of an interop test: 0 to go on; 77 (CTest: skipped) without the oracle; 1 without it when
// CYRKIT_REQUIRE_ORACLE is set. Says why on standard error.
[[nodiscard]] int gate();

// Gives the store to the user that the real programs run as (they refuse to be root): root hands it to
// `nobody` and makes the path reachable. Call it before the first run() or Server on a store, and again after
// root wrote into it.
void hand_over(const TempStore& store);
// The opposite: makes everything root's again, so that a test started as root is the owner. No effect
// otherwise.
void take_back(const TempStore& store);

// Runs a real program (mbexamine, reconstruct, cyr_dbtool ...). -C is not added.
[[nodiscard]] RunResult run(std::string_view program, std::vector<std::string> arguments,
                            const RunOptions& options = {});
// With "-C CONF" of the store as first arguments.
[[nodiscard]] RunResult run(std::string_view program, const TempStore& store,
                            std::vector<std::string> arguments, const RunOptions& options = {});

// A real master with imapd and lmtpd on free loopback ports. Stopped and waited for by the destructor.
class Server {
 public:
  explicit Server(
      const TempStore& store);  // hand_over() is done here; throws when the server does not come up
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();
  [[nodiscard]] int imap_port() const { return imap_port_; }
  [[nodiscard]] int lmtp_port() const { return lmtp_port_; }
  // Stops now; the destructor then does nothing.
  void stop();

 private:
  void write_service_file(const TempStore& store) const;
  void start(const TempStore& store);
  void wait_until_up();
  TempDir dir_;           // cyrus.conf, log, pid file
  std::string programs_;  // directory of the real programs, readable by the user they run as
  ::pid_t pid_ = -1;
  int imap_port_ = 0;
  int lmtp_port_ = 0;
};

// A plain IMAP client, just enough for tests: a literal is kept in the text of its response, as the server
// sent it.
class ImapClient {
 public:
  explicit ImapClient(int port);  // connects to 127.0.0.1 and reads the greeting; throws
  ImapClient(const ImapClient&) = delete;
  ImapClient& operator=(const ImapClient&) = delete;
  ~ImapClient();
  // Sends one tagged command; every untagged line, then the tagged one. Throws on a lost connection or after
  // 60 s.
  std::vector<std::string> command(std::string_view text);
  // The same, and throws unless the tagged answer is OK; without the tagged line.
  std::vector<std::string> ok(std::string_view text);
  // LOGIN with the password of every account in the stores, "secret".
  void login(std::string_view user);

 private:
  std::string read_line();
  std::string read_response();
  void fill();
  int fd_ = -1;
  int tag_ = 0;
  std::string pending_;
};

// "text" as an IMAP quoted string.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace cyr::test::oracle

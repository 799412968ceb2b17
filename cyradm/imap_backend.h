// A server as a Backend: which IMAP commands do what, by the extensions it has; reconnecting, and following
// referrals.
//
// A dropped connection is made again before the next command. A command that was under way is sent once more
// when that cannot do harm (questions, and changes that set something to a value); otherwise it fails, and
// says that it is not known whether the server carried it out.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cyradm/backend.h"
#include "cyradm/imap_client.h"

namespace cyr::cyradm {

class ImapBackend : public Backend {
 public:
  // Errors as ImapClient::open and ::login give them; `reached_login` tells which of the two it was.
  static Result<std::unique_ptr<Backend>> connect(ImapSettings settings, bool log_in, bool& reached_login);

  [[nodiscard]] std::string name() const override { return settings_.server; }
  Result<char> separator() override;
  Status list(const ListQuery& query, const std::function<Status(MailboxRow)>& visit) override;
  Status create(const std::string& mailbox, const CreateOptions& options) override;
  Status remove(const std::string& mailbox) override;
  Status rename(const std::string& from, const std::string& to,
                const std::optional<std::string>& partition) override;
  Result<std::vector<AclEntry>> acl(const std::string& mailbox) override;
  Status set_acl(const std::string& mailbox, const std::string& id, const std::string& rights) override;
  Status delete_acl(const std::string& mailbox, const std::string& id) override;
  Result<QuotaRoot> quota(const std::string& root) override;
  Result<std::vector<QuotaRoot>> quota_roots(const std::string& mailbox) override;
  Status set_quota(const std::string& root, const std::vector<QuotaLimit>& limits) override;
  Result<std::vector<MetadataEntry>> metadata(const std::string& mailbox,
                                              const std::string& pattern) override;
  Status set_metadata(const std::string& mailbox, const std::string& entry,
                      const std::optional<std::string>& value) override;
  Status subscribe(const std::string& mailbox) override;
  Status unsubscribe(const std::string& mailbox) override;
  Status reconstruct(const std::string& mailbox, bool recursive, const ReportLine& report) override;
  Status fix_quota(const std::string& root, const ReportLine& report) override;
  Status transfer(const std::string& mailbox, const std::string& server,
                  const std::optional<std::string>& partition) override;
  Result<std::vector<IdField>> identify() override;
  Status authenticate(const LoginOptions& options) override;
  std::vector<std::string> partitions() override { return partitions_; }

 private:
  enum class Repeat : bool { no, yes };
  using Names = std::vector<std::string>;
  using Build = std::function<ImapCommand(const Names& mailboxes)>;
  using Responses = std::vector<ImapResponse>;

  explicit ImapBackend(ImapSettings settings) : settings_(std::move(settings)) {}
  // Ready to take a command: as it was, or connected anew.
  Result<ImapClient*> client();
  Status open(bool log_in);
  Status enter();
  Result<std::string> password(const std::string& host, const std::string& user);
  // Runs it on this server or, when that refers to another, there. Untagged data named `word` comes back ("":
  // none).
  Result<Responses> ask(const Build& build, const Names& mailboxes, std::string_view word, Repeat repeat);
  Result<ImapResponse> run(const Build& build, const Names& mailboxes, const ImapClient::OnData& on_data,
                           Repeat repeat);
  Result<ImapClient*> referred(const std::vector<std::string>& urls, Names& mailboxes);
  Status change(const Build& build, const Names& mailboxes, Repeat repeat);
  Result<std::vector<MetadataEntry>> annotations(const std::string& mailbox, const std::string& pattern);
  Result<ImapCommand> list_command(const ListQuery& query);
  [[nodiscard]] Result<bool> has(std::string_view capability);

  ImapSettings settings_;
  std::unique_ptr<ImapClient> client_;
  std::map<std::string, std::unique_ptr<ImapClient>> others_;  // by host:port, for referrals
  std::optional<char> separator_;
  std::string password_;  // the one that the server has taken, for reconnecting
  std::vector<std::string> partitions_;
};

// Where a referral points (RFC 2193, RFC 2192): "imap://user;AUTH=*@host:port/mailbox".
struct ImapUrl {
  std::string host;
  std::string port;
  std::string mailbox;  // modified UTF-7
};
// Errc::invalid for anything else.
Result<ImapUrl> parse_imap_url(std::string_view url);

}  // namespace cyr::cyradm

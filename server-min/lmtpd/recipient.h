// From an address to a mailbox: plus addressing, shared mailboxes, rights, quota (server.md 4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "format/meta/mailbox_entry.h"
#include "server-min/lmtpd/command.h"
#include "server-min/session/identity.h"
#include "server-min/session/service.h"

namespace cyr::lmtpd {

// Who posts: MAIL's AUTH= when the client is trusted, else anonymous; how large SIZE= says the message is.
struct Posting {
  session::Identity poster;
  std::int64_t size = 0;  // bytes; 0: not told
};

struct Recipient {
  std::string address;       // as the client wrote it
  meta::MailboxEntry entry;  // the mailbox that gets the message
  std::string user;          // whose it is; empty: a shared one
  bool ignore_quota = false;
};

// A recipient that cannot be taken: the reply says why. The Error's text is for the log.
struct Refused {
  std::string reply;
  std::string reason;
};
using Found = tl::expected<Recipient, Refused>;

class Directory {
 public:
  explicit Directory(session::Service& service) : service_(service) {}

  // `session_id` stands in the replies about quota.
  Found find(const PathArgument& path, bool ignore_quota, const Posting& posting,
             std::string_view session_id);

 private:
  struct Target {
    names::MailboxName inbox;
    std::string user;  // canonical; empty: shared
    std::string detail;
  };
  [[nodiscard]] Target target_of(const Address& address) const;
  Found find_shared(const Target& target, const Posting& posting);
  Found find_user(const Target& target, const Posting& posting);
  // autocreate_post: the first message of a user makes his mailboxes. True if it did.
  bool makes_mailboxes_for(const Target& whom);
  Result<std::optional<meta::MailboxEntry>> entry_of(const names::MailboxName& name);
  // The mailbox below the INBOX that the detail names, when the poster may post there.
  Result<std::optional<meta::MailboxEntry>> below_inbox(const Target& target,
                                                        const session::Identity& poster);
  Result<std::optional<meta::MailboxEntry>> similar_below(const names::MailboxName& wanted);
  [[nodiscard]] bool has_sieve_script(const Target& target, const meta::MailboxEntry& inbox) const;

  session::Service& service_;
};

// May `who` post ('p') to the mailbox?
[[nodiscard]] bool may_post(const meta::MailboxEntry& entry, const session::Identity& who);

// Would the mailbox take `size` more bytes? Without lmtp_strict_quota only a root that is over its limit
// already refuses.
Result<bool> has_room(session::Service& service, const meta::MailboxEntry& entry, std::int64_t size);

}  // namespace cyr::lmtpd

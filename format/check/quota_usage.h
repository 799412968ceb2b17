// What one mailbox adds to its quota root, read from the headers of its index and its cyrus.header: 160 bytes
// and one small file, without a lock. A mailbox that a server is changing is read again under a shared lock.
#pragma once

#include <optional>
#include <string>

#include "format/meta/quota.h"
#include "format/store/locks.h"
#include "format/store/store.h"

namespace cyr::check {

struct MailboxUsage {
  // As the servers of the release count (store.md 5.2), so that the differences they add later stay right.
  meta::Usage used{};
  // The header's own root; nothing: it has none.
  std::optional<std::string> quotaroot;
  // cyrus.header cannot be read: quotaroot is not known. The usage is right all the same.
  std::optional<Error> header_problem;
  // The index header is damaged and the counts come from its records: what was wrong.
  std::string counted_because;
};

enum class ReadHow : std::uint8_t {
  quick,   // without a lock, once more under one when something looks wrong
  locked,  // the caller holds the mailbox's lock
};

// Errc::not_found when the mailbox has no index, other errors when what it uses cannot be known.
Result<MailboxUsage> read_mailbox_usage(Io& io, const store::MailboxFiles& files, store::UserLocks& locks,
                                        ReadHow how);

}  // namespace cyr::check

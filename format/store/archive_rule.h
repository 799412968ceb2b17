// Which messages belong on the archive partition (mailbox.md 6.5).
#pragma once

#include <cstdint>

#include "format/conf/imapd_conf.h"
#include "format/mailbox/index.h"
#include "format/store/store.h"

namespace cyr::store {

// Big messages (archive_maxsize), those of deleted mailboxes, then those with an internaldate before `cutoff`
// (seconds), unless archive_keepflagged keeps them.
[[nodiscard]] bool belongs_in_archive(const conf::Config& config, const mailbox::IndexRecord& record,
                                      bool deleted_mailbox, std::int64_t cutoff);
// True for a new message that goes there at once: archive_enabled, and older than archive_after at `now`.
[[nodiscard]] bool appends_to_archive(const conf::Config& config, const MailboxFiles& files,
                                      const mailbox::IndexRecord& record, std::int64_t now);

}  // namespace cyr::store

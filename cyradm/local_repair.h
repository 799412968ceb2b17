// reconstruct and quota -f inside the shell, on the store's own files.
#pragma once

#include "cyradm/backend.h"
#include "format/store/administration.h"

namespace cyr::cyradm {

// One finding per line. Errc::corrupt when damage remains.
Status repair_mailboxes(store::Administration& admin, const meta::MailboxEntry& entry, bool recursive,
                        const Backend::ReportLine& report);
// The roots at and below `root` (internal name); every root when it is empty.
Status repair_quotas(store::Administration& admin, const std::string& root,
                     const Backend::ReportLine& report);

}  // namespace cyr::cyradm

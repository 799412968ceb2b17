// A message that a mail transport agent sends again because it got no answer, although the mailbox has it:
// the process died between the mailbox and deliver.db.
#pragma once

#include <optional>
#include <string_view>

#include "format/store/mailbox_edit.h"

namespace cyr::store {

// The UID of one of the newest messages of `edit` that is this message but for its trace fields, which are
// the first `trace_size` bytes of `message`; nothing: it is none of them. Looks at files of about its size
// only. `now` in seconds since 1970: three days are what deliver.db is kept for.
Result<std::optional<std::uint32_t>> delivered_before(Store& store, MailboxEdit& edit,
                                                      const StagedMessage& message, std::size_t trace_size,
                                                      std::int64_t now);

}  // namespace cyr::store

// Copying and moving messages.
#pragma once

#include "server-min/imapd/commands/message_set.h"

namespace cyr::imapd {

struct CopyResult {
  std::uint32_t uidvalidity = 0;  // of the target
  text::SequenceSet from, to;     // UIDs
};
enum class CopyMode : std::uint8_t { copy, move };

// Copies these messages into `target`; with `move` they are expunged here afterwards. refuse("Over quota")
// when they do not fit; within one quota root a move always fits.
Result<CopyResult> copy_messages(Session& session, Selected& from, const meta::MailboxEntry& target,
                                 const std::vector<std::uint32_t>& msgnos, CopyMode mode);

}  // namespace cyr::imapd

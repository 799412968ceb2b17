// What the commands on messages have in common: their set, and changes of flags.
#pragma once

#include <string>
#include <vector>

#include "server-min/imapd/imap_session.h"

namespace cyr::imapd {

// The set of FETCH, STORE, COPY ... with its message numbers, ascending. A set of UIDs may name messages that
// do not exist.
struct MessageSet {
  text::SequenceSet set;
  std::vector<std::uint32_t> msgnos;
  bool by_uid = false;    // UIDs were given, by a UID command
  bool is_saved = false;  // "$": the result of a search (RFC 5182)
};
Result<MessageSet> take_set(Invocation& invocation);

// "Completed (0.000 sec)"; clients ignore the time.
[[nodiscard]] Answer completed();
// The answer to a set that names no message: NO; OK to UIDs, and to "$", which may be empty.
[[nodiscard]] Answer no_messages(const MessageSet& set);

// Makes \Seen what `seen` says, for those of `msgnos` where it is not so; for FETCH.
Status mark_seen(Session& session, const std::vector<std::uint32_t>& msgnos);

// Expunges the messages marked \Deleted, of these UIDs only when given; how many. The client is told by the
// next report.
Result<std::uint32_t> expunge_deleted(Session& session, const text::SequenceSet* uids);

// Flags as a client lists them.
struct FlagList {
  std::uint32_t system = 0;           // of mailbox::flag
  std::vector<std::string> keywords;  // as written
  [[nodiscard]] bool empty() const { return system == 0 && keywords.empty(); }
};
// One flag or a list in brackets. `what`: how BAD calls the command ("Invalid system flag in Store command").
Result<FlagList> take_flags(CommandParser& parser, std::string_view bad_flag);
// Takes away what the rights do not let him set.
void narrow(FlagList& flags, acl::Rights rights);

}  // namespace cyr::imapd

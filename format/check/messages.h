// Reading and parsing message files for the passes.
#pragma once

#include "format/check/context.h"

namespace cyr::check {

// The options under which Cyrus parses, by imapd.conf, for new cache records of this mailbox.
[[nodiscard]] mime::ParseOptions parse_options(const Context& context);

// An I/O error of a message whose record is lost or damaged. To go on would give its flags to another message
// or it another UID, for good, where the next read may well succeed: so the mailbox stays as it is.
[[nodiscard]] inline Error unreadable_now(Error error) {
  return std::move(error).with_hint(
      "nothing was changed; if it stays unreadable, move the file away and run again");
}

// Where the message of `uid` lies now.
[[nodiscard]] MessageToParse message_to_parse(const Context& context, std::uint32_t uid, bool archived,
                                              std::uint64_t internaldate);

// Reads and parses the message file of `uid`, unless context.ahead has it. `internaldate` stands in for an
// unusable Date field. Counts it.
Result<mime::MessageSummary> parse_message_file(Context& context, std::uint32_t uid, bool archived,
                                                std::uint64_t internaldate);

// Keeps a rebuilt cache record for the commit while there is room; beyond that the message is parsed again
// then.
void keep_rebuilt(State& state, std::uint32_t uid, std::string cache_record);

// Takes what only the message tells into a record: GUID, sizes, dates and cache fields (without offset).
void take_summary(const State& state, const mime::MessageSummary& summary, mailbox::IndexRecord& record);

// A new record for a message file.
[[nodiscard]] mailbox::IndexRecord new_record(Context& context, const store::MessageFile& file,
                                              const mime::MessageSummary& summary);

// First file of `uid` in the listing, or the end.
[[nodiscard]] std::vector<store::MessageFile>::const_iterator find_file(const State& state,
                                                                        std::uint32_t uid);

// Cache version for new records: the newest that valid records of the mailbox have, else that of the index
// version.
[[nodiscard]] std::uint16_t choose_cache_version(const State& state);

}  // namespace cyr::check

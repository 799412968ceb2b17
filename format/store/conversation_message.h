// What the conversations of a user need to know of a message, read from its cache record
// (format/doc/conversations.md). Pure; bounded, since a message may hold anything.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/digest.h"
#include "format/meta/conversation_record.h"
#include "format/store/cached_message.h"

namespace cyr::store {

struct ConversationPart {
  std::string number;  // "1.2", as IMAP numbers body parts
  Guid guid;           // SHA-1 of its decoded content
};

struct ConversationFacts {
  // First address of From, with lastseen and exists 0; nothing without one.
  std::optional<meta::Conversation::Sender> sender;
  std::string subject;                   // normalise_subject() of it
  std::vector<std::string> message_ids;  // of References, In-Reply-To, Message-ID: lower case, each once
};
// Errc::corrupt for an ENVELOPE that is none.
[[nodiscard]] Result<ConversationFacts> conversation_facts(const CachedMessage& cached);
// The parts with a GUID, in message order. `cache_version` as in the index record.
[[nodiscard]] Result<std::vector<ConversationPart>> conversation_parts(const CachedMessage& cached,
                                                                       std::uint32_t cache_version);
// The subject as conversations compare it: without [...], without what looks like "Re:", without blanks.
[[nodiscard]] std::string normalise_subject(std::string subject);

}  // namespace cyr::store

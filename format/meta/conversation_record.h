// The records of a user's conversations database that count: one for each conversation, folder and message
// id, and the sums (3.6 to 3.8; format/doc/conversations.md). Pure codecs; what real Cyrus wrote is encoded
// again byte for byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/meta/conversations.h"

namespace cyr::meta {

inline constexpr std::string_view conversation_flags_key = "$COUNTED_FLAGS";  // "\Draft \Flagged", or NIL
inline constexpr std::string_view conversation_quota_key = "Q";

// "B" and the id as 16 hex digits; "F" and the unique id of a folder.
[[nodiscard]] std::string conversation_key(std::uint64_t cid);
[[nodiscard]] std::string conversation_folder_key(std::string_view uniqueid);
// "G" guid ":" folder ":" uid, then "[part]" for a body part.
[[nodiscard]] std::string conversation_guid_key(const Guid& guid, std::uint32_t folder, std::uint32_t uid,
                                                std::string_view part = {});
// `as_read`: the flag word of the index record that the message's was made from (0 for an appended one);
// Cyrus repeats its upper half beside the system flags.
[[nodiscard]] std::string encode_conversation_message(const ConversationMessage& message,
                                                      std::uint32_t as_read);
[[nodiscard]] std::string encode_conversation_folders(const std::vector<std::string>& folders);

struct Conversation {
  struct Folder {
    std::uint32_t number = 0;
    std::uint64_t modseq = 0;
    std::uint32_t num_records = 0, exists = 0, unseen = 0;
  };
  struct Sender {
    std::optional<std::string> name, route;
    std::string mailbox, domain;
    std::int64_t lastseen = 0;  // seconds, of the Date header
    std::uint32_t exists = 0;
  };
  struct Thread {
    Guid guid;
    std::uint32_t exists = 0;
    std::uint64_t internaldate = 0;  // seconds
  };
  std::uint64_t modseq = 0;
  std::uint32_t num_records = 0, exists = 0, unseen = 0;
  std::vector<std::uint32_t> counts;  // by counted flag
  std::vector<Folder> folders;        // by number
  std::vector<Sender> senders;        // latest first
  std::optional<std::string> subject;
  std::uint32_t size = 0;       // bytes
  std::vector<Thread> threads;  // by internaldate, then GUID
  std::uint64_t createdmodseq = 0;
};
// Errc::corrupt, also for another version than 1.
[[nodiscard]] Result<Conversation> decode_conversation(std::string_view value);
[[nodiscard]] std::string encode_conversation(const Conversation& conversation);

struct ConversationFolderStatus {
  std::uint64_t threadmodseq = 0;
  std::uint32_t threadexists = 0, threadunseen = 0, emailexists = 0, emailunseen = 0;
  friend bool operator==(const ConversationFolderStatus&, const ConversationFolderStatus&) = default;
};
[[nodiscard]] Result<ConversationFolderStatus> decode_conversation_status(std::string_view value);
[[nodiscard]] std::string encode_conversation_status(const ConversationFolderStatus& status);

// The conversations that a message id was seen in, and when first.
struct ConversationIds {
  std::vector<std::uint64_t> cids;
  std::int64_t stamp = 0;
};
[[nodiscard]] Result<ConversationIds> decode_conversation_ids(std::string_view value);
[[nodiscard]] std::string encode_conversation_ids(const ConversationIds& ids);

// Messages and bytes of the user, each content counted once.
struct ConversationQuota {
  std::int64_t emails = 0, storage = 0;
};
[[nodiscard]] Result<ConversationQuota> decode_conversation_quota(std::string_view value);
[[nodiscard]] std::string encode_conversation_quota(const ConversationQuota& quota);

}  // namespace cyr::meta

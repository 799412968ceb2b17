// What a user's conversations database says about single messages (3.6 and later;
// format/doc/conversations.md). Only its records by content are read here: they repeat fields of the index
// and so outlive a lost one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/digest.h"
#include "format/base/error.h"

namespace cyr::meta {

// Key of the record with the unique ids of the folders; a message names its folder by the position in it.
inline constexpr std::string_view conversation_folders_key = "$FOLDER_IDS";
// Prefix of the records by content.
inline constexpr std::string_view conversation_guid_prefix = "G";

// One message of one folder.
struct ConversationMessage {
  Guid guid;                 // of the whole message
  std::uint32_t folder = 0;  // position in the folder list
  std::uint32_t uid = 0;
  std::uint64_t cid = 0;           // conversation id
  std::uint32_t system_flags = 0;  // as IndexRecord::system_flags
  std::uint64_t internaldate = 0;  // seconds since 1970

  friend bool operator==(const ConversationMessage&, const ConversationMessage&) = default;
};

// The folders in order; an empty text is a place that is free. Errc::corrupt for anything but a list of
// atoms.
[[nodiscard]] Result<std::vector<std::string>> decode_conversation_folders(std::string_view value);

// A record by content. Nothing for the key of a body part; Errc::corrupt for other keys and for values of
// another version than that of 3.6 and 3.8.
[[nodiscard]] Result<std::optional<ConversationMessage>> decode_conversation_message(std::string_view key,
                                                                                     std::string_view value);

}  // namespace cyr::meta

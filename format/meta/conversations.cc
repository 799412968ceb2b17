#include "format/meta/conversations.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/base/text.h"

namespace cyr::meta {

namespace {

constexpr std::uint8_t value_version = 0x82;         // 0x80: version bit, 2: with flags and internaldate
constexpr std::string_view free_place = "-";         // of a folder that was deleted
constexpr std::uint32_t system_half = 0x0000FFFF;    // the IMAP flags
constexpr std::uint32_t internal_half = 0xFFFF0000;  // EXPUNGED, ARCHIVED ...

Error bad_key(std::string_view key) {
  return make_error(Errc::corrupt,
                    fmt::format("conversations: no message key: {}", printable(key.substr(0, 80))));
}

}  // namespace

Result<std::vector<std::string>> decode_conversation_folders(std::string_view value) {
  if (value.size() < 2 || value.front() != '(' || value.back() != ')') {
    return corrupt("conversations: the folder list is no list");
  }
  std::vector<std::string> out;
  for (const auto word : split(value.substr(1, value.size() - 2), ' ')) {
    if (word.find_first_of("()\"{") != std::string_view::npos) {
      return corrupt("conversations: the folder list holds something that is no id");
    }
    out.emplace_back(word == free_place ? std::string_view() : std::string_view(word));
  }
  return out;
}

Result<std::optional<ConversationMessage>> decode_conversation_message(std::string_view key,
                                                                       std::string_view value) {
  if (!key.starts_with(conversation_guid_prefix)) {
    return bad_key(key);
  }
  const auto parts = split(key.substr(conversation_guid_prefix.size()), ':');
  if (parts.size() != 3) {
    return bad_key(key);
  }
  if (parts[2].find('[') != std::string_view::npos) {
    return std::optional<ConversationMessage>();
  }
  ConversationMessage out;
  const auto guid = from_hex(parts[0]);
  const auto folder = parse_number<std::uint32_t>(parts[1]);
  const auto uid = parse_number<std::uint32_t>(parts[2]);
  if (!guid || guid->size() != out.guid.raw.size() || !folder || !uid || *uid == 0) {
    return bad_key(key);
  }
  std::copy(guid->begin(), guid->end(), out.guid.raw.begin());
  out.folder = *folder;
  out.uid = *uid;
  Cursor cursor(as_bytes(value));
  if (cursor.u8() != value_version) {
    return corrupt("conversations: message record of an unknown version");
  }
  out.cid = cursor.u64();
  out.system_flags = cursor.u32() & system_half;
  out.system_flags |= cursor.u32() & internal_half;
  out.internaldate = cursor.u64();
  CYR_CHECK(cursor.check("conversations: message record"));
  return std::optional(out);
}

}  // namespace cyr::meta

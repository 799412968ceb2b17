// Names of the files in a mailbox directory: message files `<uid>.` and the cyrus.* files
// (mailbox.md 1.1, 6.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cyr::mailbox {

// "17."
[[nodiscard]] std::string message_file_name(std::uint32_t uid);
// The UID of "17."; nothing for other names. Leading zeros are read, since Cyrus reads them, and so is 0.
[[nodiscard]] std::optional<std::uint32_t> parse_message_file_name(std::string_view name);

enum class DirectoryEntry : std::uint8_t {
  message,     // `<uid>.`
  cyrus_file,  // name starts with "cyrus.": meta data, also ours of other kinds, and `.NEW` of what was being
               // written
  leftover,    // `<uid>..NEW`: a message that an interrupted undo was putting back
  hidden,      // name starts with '.'
  odd,         // anything else: reported, never interpreted
};
[[nodiscard]] DirectoryEntry classify_entry(std::string_view name);

}  // namespace cyr::mailbox

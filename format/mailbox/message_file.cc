#include "format/mailbox/message_file.h"

#include "format/base/text.h"

namespace cyr::mailbox {

std::string message_file_name(std::uint32_t uid) { return std::to_string(uid) + '.'; }

std::optional<std::uint32_t> parse_message_file_name(std::string_view name) {
  if (name.size() < 2 || name.back() != '.') {
    return {};
  }
  name.remove_suffix(1);
  return parse_number<std::uint32_t>(name);
}

DirectoryEntry classify_entry(std::string_view name) {
  if (name.starts_with('.')) {
    return DirectoryEntry::hidden;
  }
  if (name.starts_with("cyrus.")) {
    return DirectoryEntry::cyrus_file;
  }
  constexpr std::string_view leftover = ".NEW";
  if (name.ends_with(leftover) && parse_message_file_name(name.substr(0, name.size() - leftover.size()))) {
    return DirectoryEntry::leftover;
  }
  return parse_message_file_name(name) ? DirectoryEntry::message : DirectoryEntry::odd;
}

}  // namespace cyr::mailbox

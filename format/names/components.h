// What the forms of a mailbox name have in common: a domain and a list of components. Private to the room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "format/names/mailbox_name.h"

namespace cyr::names {

[[nodiscard]] std::string escape_dots(std::string_view component);    // "john.doe" -> "john^doe"
[[nodiscard]] std::string unescape_dots(std::string_view component);  // and back

// True where '!' in an internal name ends a domain.
[[nodiscard]] bool has_domains(const Namespace& ns);

// Recognises the deleted hierarchy and users. Errc::invalid as the readers of MailboxName.
Result<MailboxName> from_components(std::string domain, std::vector<std::string> components,
                                    const Namespace& ns);
// The reverse: DELETED, user, and the stamp are components again.
[[nodiscard]] std::vector<std::string> to_components(const MailboxName& name, const Namespace& ns);

}  // namespace cyr::names

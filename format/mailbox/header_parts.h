// Parts of reading cyrus.header that the strict reader and the salvaging one share. Not for other rooms.
#pragma once

#include <string_view>

#include "format/mailbox/header.h"
#include "format/text/dlist.h"

namespace cyr::mailbox {

// Line 1 of the text form, without LF. corrupt, with the offset in the line, when a TAB is followed by
// nothing.
Status read_ids_line(std::string_view line, MailboxHeader& header);
// Line 2: the n-th token is the name of user flag n.
void read_flags_line(std::string_view line, MailboxHeader& header);
// Free slots at the end mean nothing.
void trim_flags(MailboxHeader& header);
// One key of the dlist form. corrupt when the value is of the wrong kind.
Status take_header_item(const text::Item& item, MailboxHeader& header);
// %(identifier rights ...) as "identifier TAB rights TAB ...".
[[nodiscard]] std::string acl_text(const text::Item& map);

}  // namespace cyr::mailbox

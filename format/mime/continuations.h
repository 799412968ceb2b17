// Parameters split over several sections (RFC 2231), put together as Cyrus does (mailbox.md 5.6); and the
// encoding of 8-bit values as encoded words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "format/mime/message.h"

namespace cyr::mime {

// Replaces NAME*0, NAME*1 ... by one NAME (NAME* if a section is extended) at the place of section 0.
void join_continuations(std::vector<Parameter>& parameters, Message::Arena& arena);

// UTF-8 as encoded words of at most 75 characters, for parameter values that came out of an encoded
// Content-Type.
[[nodiscard]] std::string encode_header_value(std::string_view utf8);

}  // namespace cyr::mime

// Address lists as Cyrus reads them (mailbox.md 5.7): neither RFC 822 nor any later grammar, but the grammar
// that the cached envelopes follow.
#pragma once

#include <string_view>

#include "format/mime/message.h"

namespace cyr::mime {

// Appends the addresses of one field; `value` is the field without its line end. Any bytes give a list.
void read_address_list(std::string_view value, const CacheProfile& profile, Message::Arena& arena,
                       AddressList& out);

}  // namespace cyr::mime

// A damaged cyrus.header put together again with the help of the checksum that the index holds of it: all of
// it but the flag names is known from mailboxes.db, so that few wrong bytes are left to be found.
#pragma once

#include <optional>

#include "format/mailbox/header.h"

namespace cyr::check {

// The header whose file has the CRC32 `stored` and whose flag names stand in `damaged`, at the place that
// `expected` (which needs no flag names) gives them; in these up to two bits, or one byte, may be wrong.
// Nothing when no such file fits the checksum. What fits by chance: 1 in 5,000 for names of 200 bytes, and it
// must decode to valid names.
[[nodiscard]] std::optional<mailbox::MailboxHeader> header_by_crc(const mailbox::MailboxHeader& expected,
                                                                  Bytes damaged, std::uint32_t stored);

}  // namespace cyr::check

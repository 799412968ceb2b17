// Messages that are gone, for clients that come back (RFC 7162 3.2.5, 3.2.6).
#pragma once

#include "format/text/sequence_set.h"
#include "server-min/imapd/output.h"
#include "server-min/imapd/selected.h"

namespace cyr::imapd {

// "* VANISHED (EARLIER) set": UIDs expunged after modseq `since`, within `among` (nullptr: all). When the
// records of that time are gone, every UID that does not exist.
void write_vanished_earlier(Output& out, Selected& selected, std::uint64_t since,
                            const text::SequenceSet* among);

}  // namespace cyr::imapd

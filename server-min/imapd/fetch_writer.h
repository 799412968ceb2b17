// The FETCH response of one message.
#pragma once

#include "server-min/imapd/fetch_items.h"
#include "server-min/imapd/message_reader.h"
#include "server-min/imapd/output.h"
#include "server-min/imapd/selected.h"

namespace cyr::imapd {

// Appends "* MSGNO FETCH (...)". Items that cannot be had (a damaged message) are NIL; the first trouble is
// returned when the response is complete.
Status write_fetch(Output& out, Selected& selected, std::uint32_t msgno, const FetchRequest& request,
                   bool condstore);

}  // namespace cyr::imapd

// What `cyr_dbtool dump` shows: every record of the file as it stands there, live or not. For people; the
// layout is Cyrus's own.
#pragma once

#include <functional>

#include "format/base/bytes.h"

namespace cyr::db {

// Gets text with its line ends, piece by piece.
using DumpSink = std::function<Status(std::string_view text)>;

// Stops with an error at the first record that cannot be read.
Status dump_twoskip(Bytes file, const DumpSink& sink);
Status dump_twoskip_values(Bytes file, const DumpSink& sink);  // values too (level 3 and above)
Status dump_skiplist(Bytes file, const DumpSink& sink);
Status dump_twom(Bytes file, const DumpSink& sink);

}  // namespace cyr::db

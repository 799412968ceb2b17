// Writing whole new Berkeley DB files.
#pragma once

#include "format/db/view.h"

namespace cyr::db::berkeley {

// The library builds the file in its own memory (what does not fit, in a nameless file of its temporary
// directory); its pages then go to `sink`. Page size 4096, host byte order, as Cyrus's own; a file id of its
// own. `kind`: berkeley or berkeley_hash.
Result<std::unique_ptr<BulkWriter>> make_writer(StreamSink& sink, Kind kind);

}  // namespace cyr::db::berkeley

// What `cyr_dbtool dump` shows: every record of the file as it stands there, live or not. For people; the
// layout is Cyrus's own.
#pragma once

#include <functional>

#include "format/base/bytes.h"
#include "format/base/path.h"

namespace cyr::db {

// Gets text with its line ends, piece by piece.
using DumpSink = std::function<Status(std::string_view text)>;

struct DumpSource {
  Bytes file;
  fs::path path;            // as it is to be named
  std::uint32_t level = 0;  // 3 and above: twoskip and twom show values too
};

// Stops with an error at the first record that cannot be read.
Status dump_twoskip(const DumpSource& source, const DumpSink& sink);
Status dump_skiplist(const DumpSource& source, const DumpSink& sink);
Status dump_twom(const DumpSource& source, const DumpSink& sink);

}  // namespace cyr::db

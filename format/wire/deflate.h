// COMPRESS=DEFLATE (RFC 4978): raw deflate in both directions, flushed after every burst.
#pragma once

#include <memory>

#include "format/wire/layer.h"

namespace cyr::wire {

// Errc::io when zlib has no memory. Push it after the answer to COMPRESS was written, keeping the input.
Result<std::unique_ptr<Layer>> deflate_layer();

}  // namespace cyr::wire

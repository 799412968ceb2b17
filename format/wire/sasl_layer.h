// The security layer that a SASL mechanism agreed on; the same for both sides. Private to the SASL files.
#pragma once

#include <sasl/sasl.h>

#include <memory>

#include "format/wire/layer.h"

namespace cyr::wire {

using SaslConnection = std::shared_ptr<sasl_conn_t>;

// Nothing when the mechanism has no layer (or the exchange is not over).
[[nodiscard]] std::unique_ptr<Layer> make_sasl_layer(const SaslConnection& connection);

}  // namespace cyr::wire

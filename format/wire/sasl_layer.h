// What both sides of SASL need: the security layer that a mechanism agreed on, and the library's list of
// functions. Private to the SASL files.
#pragma once

#include <sasl/sasl.h>

#include <memory>

#include "format/wire/layer.h"

namespace cyr::wire {

using SaslConnection = std::shared_ptr<sasl_conn_t>;

// libsasl2 keeps functions of different types in one list.
template <class Function>
auto sasl_callback(Function* function) {
  using Any = int (*)();
  return reinterpret_cast<Any>(reinterpret_cast<void (*)()>(function));  // NOLINT
}

// A new connection of the library, disposed of with its last owner; Errc::config for a `code` that is none of
// success.
[[nodiscard]] Result<SaslConnection> own_sasl_connection(int code, sasl_conn_t* raw);

struct SaslProtection {
  unsigned minimum_layer = 0;  // bits
  unsigned maximum_layer = 0;
  bool plaintext = false;
  bool anonymous = false;
};
void set_protection(const SaslConnection& connection, const SaslProtection& protection);

// Nothing when the mechanism has no layer (or the exchange is not over).
[[nodiscard]] std::unique_ptr<Layer> make_sasl_layer(const SaslConnection& connection);

}  // namespace cyr::wire

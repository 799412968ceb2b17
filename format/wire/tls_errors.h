// What OpenSSL has to say about a failure; private to the TLS files.
#pragma once

#include <openssl/err.h>

#include <array>
#include <string>

#include "format/base/error.h"

namespace cyr::wire {

// "WHAT: reason of the newest entry in OpenSSL's queue", and empties the queue.
inline Error tls_error(Errc code, const std::string& what) {
  const unsigned long number = ::ERR_peek_last_error();
  ::ERR_clear_error();
  const char* reason = number != 0 ? ::ERR_reason_error_string(number) : nullptr;
  if (reason == nullptr && number != 0) {
    std::array<char, 256> text{};
    ::ERR_error_string_n(number, text.data(), text.size());
    return make_error(code, what + ": " + text.data());
  }
  return make_error(code, reason != nullptr ? what + ": " + reason : what);
}

}  // namespace cyr::wire

// SHA-1, as the GUID of a message (mailbox.md 1). The only file that knows OpenSSL's digests.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "format/base/bytes.h"

namespace cyr {

// 20 raw bytes: SHA-1 of a complete message file. All zero: unknown.
struct Guid {
  std::array<std::byte, 20> raw{};

  friend bool operator==(const Guid&, const Guid&) = default;
  friend auto operator<=>(const Guid&, const Guid&) = default;
  [[nodiscard]] bool is_null() const { return *this == Guid{}; }
  [[nodiscard]] std::string hex() const;  // 40 lower-case digits
};

[[nodiscard]] Guid sha1(Bytes bytes);
[[nodiscard]] inline Guid sha1(std::string_view text) { return sha1(as_bytes(text)); }

// Lower-case hex digits, two per byte.
[[nodiscard]] std::string to_hex(Bytes bytes);
// The reverse; nothing for an odd length or a character that is no hex digit.
[[nodiscard]] std::optional<Buffer> from_hex(std::string_view text);

}  // namespace cyr

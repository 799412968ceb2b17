// Bytes on disk: views, integers, and a cursor that cannot run past the end. Nothing else in the tree shifts
// bytes. All integers of the Cyrus formats are big-endian (mailbox.md 1), but for those of twom.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/error.h"

namespace cyr {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;
using Buffer = std::vector<std::byte>;

[[nodiscard]] inline Bytes as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
[[nodiscard]] inline std::string_view as_text(Bytes bytes) {
  // The one place where bytes become characters; both are byte-sized types that may alias.
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};  // NOLINT
}

template <std::unsigned_integral T>
[[nodiscard]] constexpr T swap_bytes(T value) {
  if constexpr (sizeof(T) == 1) {
    return value;
  } else if constexpr (sizeof(T) == 2) {
    return __builtin_bswap16(value);
  } else if constexpr (sizeof(T) == 4) {
    return __builtin_bswap32(value);
  } else {
    return __builtin_bswap64(value);
  }
}

// Big-endian value at `from`; the caller has checked that sizeof(T) bytes are there.
template <std::unsigned_integral T>
[[nodiscard]] T load_be(const std::byte* from) {
  T value{};
  std::memcpy(&value, from, sizeof value);
  if constexpr (std::endian::native == std::endian::little) {
    value = swap_bytes(value);
  }
  return value;
}
template <std::unsigned_integral T>
void store_be(std::byte* to, T value) {
  if constexpr (std::endian::native == std::endian::little) {
    value = swap_bytes(value);
  }
  std::memcpy(to, &value, sizeof value);
}
template <std::unsigned_integral T>
void append_be(Buffer& out, T value) {
  out.resize(out.size() + sizeof value);
  store_be(out.data() + out.size() - sizeof value, value);
}
template <std::unsigned_integral T>
void append_be(std::string& out, T value) {
  std::array<std::byte, sizeof(T)> raw{};
  store_be(raw.data(), value);
  out.append(as_text(raw));
}

// The same for little-endian ones.
template <std::unsigned_integral T>
[[nodiscard]] T load_le(const std::byte* from) {
  return swap_bytes(load_be<T>(from));
}
template <std::unsigned_integral T>
void store_le(std::byte* to, T value) {
  store_be(to, swap_bytes(value));
}
template <std::unsigned_integral T>
void append_le(Buffer& out, T value) {
  append_be(out, swap_bytes(value));
}

enum class ByteOrder : std::uint8_t { big, little };

[[nodiscard]] constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t step) {
  return (value + step - 1) / step * step;
}

// Reads forward through bytes that may be hostile. After the first read past the end the cursor is failed:
// every later read gives 0 or nothing, and ok() is false; check it once per record.
class Cursor {
 public:
  explicit Cursor(Bytes bytes, std::uint64_t base_offset = 0) : bytes_(bytes), base_(base_offset) {}

  std::uint8_t u8() { return take<std::uint8_t>(); }
  std::uint16_t u16() { return take<std::uint16_t>(); }
  std::uint32_t u32() { return take<std::uint32_t>(); }
  std::uint64_t u64() { return take<std::uint64_t>(); }
  Bytes bytes(std::uint64_t count) {
    if (!ok_ || count > bytes_.size() - at_) {
      ok_ = false;
      return {};
    }
    const Bytes out = bytes_.subspan(at_, static_cast<std::size_t>(count));
    at_ += static_cast<std::size_t>(count);
    return out;
  }
  std::string_view text(std::uint64_t count) { return as_text(bytes(count)); }
  void skip(std::uint64_t count) { (void)bytes(count); }
  // Skips to the next multiple of `step` counted from the cursor's base offset.
  void pad_to(std::uint64_t step) { skip(round_up(base_ + at_, step) - (base_ + at_)); }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::uint64_t remaining() const { return ok_ ? bytes_.size() - at_ : 0; }
  [[nodiscard]] std::uint64_t offset() const { return base_ + at_; }  // of the next byte, in the file
  // ok(), or a corrupt Error "WHAT is cut short" at the present offset.
  [[nodiscard]] Status check(std::string_view what) const;

 private:
  template <class T>
  T take() {
    const Bytes raw = bytes(sizeof(T));
    return raw.empty() ? T{} : load_be<T>(raw.data());
  }
  Bytes bytes_;
  std::uint64_t base_ = 0;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace cyr

#include "format/base/crc32.h"

#include <zlib.h>

#include <array>
#include <bit>

namespace cyr {

std::uint32_t crc32(Bytes bytes, std::uint32_t start) {
  if (bytes.empty()) {
    return start;  // zlib would forget `start` when the pointer is null
  }
  // zlib reads unsigned char; std::byte may alias it.
  const auto* data = reinterpret_cast<const Bytef*>(bytes.data());  // NOLINT
  return static_cast<std::uint32_t>(::crc32_z(start, data, bytes.size()));
}

namespace {

// Undoing one step of the register: which byte was shifted in is told by the register's top byte.
class ReverseTable {
 public:
  constexpr ReverseTable() {
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      std::uint32_t value = byte;
      for (int bit = 0; bit < 8; ++bit) {
        value = (value >> 1U) ^ ((value & 1U) != 0 ? polynomial : 0U);
      }
      rows_[value >> 24U] = {value, byte};
    }
  }
  [[nodiscard]] constexpr std::uint32_t step_back(std::uint32_t value) const {
    const Row& row = rows_[value >> 24U];
    return ((value ^ row.value) << 8U) | row.byte;
  }

 private:
  static constexpr std::uint32_t polynomial = 0xedb88320;
  struct Row {
    std::uint32_t value = 0;
    std::uint32_t byte = 0;
  };
  std::array<Row, 256> rows_{};
};
constexpr ReverseTable reverse_table;

}  // namespace

std::optional<FlippedBit> find_flipped_bit(std::uint32_t difference, std::uint64_t length) {
  if (std::has_single_bit(difference)) {
    return FlippedBit{length, 0};
  }
  // The CRC is linear: the difference is what one byte leaves in the register after all bytes behind it went
  // through as zeros. Going back over those, nothing but that byte remains.
  for (std::uint64_t behind = 0; behind < length; ++behind) {
    difference = reverse_table.step_back(difference);
    if (difference < 256 && std::has_single_bit(difference)) {
      return FlippedBit{length - 1 - behind, static_cast<std::uint8_t>(difference)};
    }
  }
  return {};
}

bool is_one_changed_byte(std::uint32_t difference, std::uint64_t length) {
  for (unsigned shift = 0; shift < 32; shift += 8) {
    if ((difference & ~(0xffU << shift)) == 0) {
      return difference != 0;
    }
  }
  for (std::uint64_t behind = 0; behind < length; ++behind) {
    difference = reverse_table.step_back(difference);
    if (difference < 256) {
      return true;
    }
  }
  return false;
}

}  // namespace cyr

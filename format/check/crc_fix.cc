#include "format/check/crc_fix.h"

#include <array>
#include <unordered_map>

#include "format/base/crc32.h"

namespace cyr::check {

namespace {

// One step of the reflected CRC32 register over a zero byte.
constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 1U) != 0 ? 0xEDB88320U ^ (value >> 1U) : value >> 1U;
    }
    table[i] = value;
  }
  return table;
}
constexpr auto crc_table = make_table();

std::uint32_t over_zero_byte(std::uint32_t value) { return crc_table[value & 0xFFU] ^ (value >> 8U); }

// Difference of the CRC for each single bit of a byte.
using BitEffects = std::array<std::uint32_t, 8>;

BitEffects last_byte_effects() {
  BitEffects effects{};
  for (std::uint32_t bit = 0; bit < 8; ++bit) {
    effects[bit] = over_zero_byte(1U << bit);
  }
  return effects;
}

// To the byte before.
void move_on(BitEffects& effects) {
  for (auto& effect : effects) {
    effect = over_zero_byte(effect);
  }
}

// The mask of one byte whose effects add up to `difference`; 0 when there is none.
std::uint8_t mask_for(const BitEffects& effects, std::uint32_t difference) {
  std::uint32_t sum = 0;
  std::uint32_t gray = 0;
  for (std::uint32_t step = 1; step < 256; ++step) {
    const auto bit = static_cast<std::uint32_t>(__builtin_ctz(step));
    gray ^= 1U << bit;
    sum ^= effects[bit];
    if (sum == difference) {
      return static_cast<std::uint8_t>(gray);
    }
  }
  return 0;
}

}  // namespace

std::optional<std::pair<ByteFix, ByteFix>> find_wrong_bits(Bytes data, std::uint32_t stored_crc,
                                                           std::size_t from, std::size_t to) {
  const std::uint32_t difference = crc32(data) ^ stored_crc;
  BitEffects effects = last_byte_effects();
  for (std::size_t i = data.size(); i-- > to;) {
    move_on(effects);
  }
  std::optional<std::pair<ByteFix, ByteFix>> found;
  std::unordered_map<std::uint32_t, ByteFix> by_effect;  // of the bits that were passed
  for (std::size_t i = to; i-- > from; move_on(effects)) {
    for (std::uint32_t bit = 0; bit < 8; ++bit) {
      const ByteFix here{i, static_cast<std::uint8_t>(1U << bit)};
      if (const auto other = by_effect.find(difference ^ effects[bit]); other != by_effect.end()) {
        if (found) {
          return {};
        }
        found.emplace(here, other->second);
      }
      by_effect.emplace(effects[bit], here);
    }
  }
  return found;
}

std::optional<ByteFix> find_wrong_byte(Bytes data, std::uint32_t stored_crc) {
  const std::uint32_t difference = crc32(data) ^ stored_crc;
  if (difference == 0) {
    return {};
  }
  std::optional<ByteFix> found;
  // A byte of the stored CRC (big-endian on disk) may be the wrong one.
  for (std::size_t i = 0; i < 4; ++i) {
    const std::uint32_t in_byte = difference & (0xFF000000U >> (8 * i));
    if (in_byte == difference) {
      found = ByteFix{data.size() + i, static_cast<std::uint8_t>(difference >> (24 - 8 * i))};
    }
  }
  BitEffects effects = last_byte_effects();
  for (std::size_t i = data.size(); i-- > 0;) {
    if (const std::uint8_t mask = mask_for(effects, difference); mask != 0) {
      if (found) {
        return {};  // two explanations are none
      }
      found = ByteFix{i, mask};
    }
    move_on(effects);
  }
  return found;
}

}  // namespace cyr::check

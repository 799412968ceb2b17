#include "format/base/crc32.h"

#include <zlib.h>

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define CYR_CRC32_FOLDS 1
#endif

namespace cyr {

namespace {

#ifdef CYR_CRC32_FOLDS

// Index and cache records are short, and zlib takes most of its time to begin and to end: carry-less products
// do 100 bytes in a tenth of it. V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using
// PCLMULQDQ Instruction", Intel 2009; the constants are theirs for the bit-reflected polynomial.
constexpr std::size_t kBlock = 64;
constexpr std::size_t kFewest = 16;  // for fewer bytes a table is as fast

#define CYR_CRC32_TARGET __attribute__((target("sse2,pclmul")))

CYR_CRC32_TARGET __m128i load(const std::byte* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));  // NOLINT: any alignment will do
}

// `onto` moved by the distance of `constants`, added to what stands there.
CYR_CRC32_TARGET __m128i fold(__m128i onto, __m128i constants, __m128i there) {
  const __m128i low = _mm_clmulepi64_si128(onto, constants, 0x00);
  const __m128i high = _mm_clmulepi64_si128(onto, constants, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), there);
}

// From 128 bits to the 32 of the register.
CYR_CRC32_TARGET std::uint32_t reduce(__m128i sum, __m128i by_16_bytes) {
  const __m128i low_words = _mm_setr_epi32(-1, 0, -1, 0);
  const __m128i by_8_bytes = _mm_set_epi64x(0, 0x163cd6124);
  const __m128i barrett = _mm_set_epi64x(0x1f7011641, 0x1db710641);
  sum = _mm_xor_si128(_mm_clmulepi64_si128(sum, by_16_bytes, 0x10), _mm_srli_si128(sum, 8));
  sum = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(sum, low_words), by_8_bytes, 0x00),
                      _mm_srli_si128(sum, 4));
  __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(sum, low_words), barrett, 0x10);
  quotient = _mm_clmulepi64_si128(_mm_and_si128(quotient, low_words), barrett, 0x00);
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm_srli_si128(_mm_xor_si128(sum, quotient), 4)));
}

// The bytes need not be a multiple of 16: zeros in front of the first byte change nothing as long as the
// register is added to the bytes and not to the zeros. At least 4 of them, which the register is added to.
CYR_CRC32_TARGET std::uint32_t crc32_folded(Bytes bytes, std::uint32_t start) {
  const std::size_t zeros = bytes.size() < kBlock ? kBlock - bytes.size() : (16 - bytes.size() % 16) % 16;
  const std::uint32_t state = ~start;
  alignas(16) std::array<std::byte, kBlock> first{};
  std::memcpy(first.data() + zeros, bytes.data(), kBlock - zeros);
  for (std::size_t i = 0; i < 4; ++i) {
    first[zeros + i] ^= static_cast<std::byte>(state >> (8 * i));
  }
  __m128i lane0 = load(&first[0]), lane1 = load(&first[16]), lane2 = load(&first[32]),
          lane3 = load(&first[48]);
  bytes = bytes.subspan(kBlock - zeros);
  const __m128i by_64_bytes = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
  for (; bytes.size() >= kBlock; bytes = bytes.subspan(kBlock)) {
    lane0 = fold(lane0, by_64_bytes, load(bytes.data()));
    lane1 = fold(lane1, by_64_bytes, load(bytes.data() + 16));
    lane2 = fold(lane2, by_64_bytes, load(bytes.data() + 32));
    lane3 = fold(lane3, by_64_bytes, load(bytes.data() + 48));
  }
  const __m128i by_16_bytes = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
  __m128i sum = fold(lane0, by_16_bytes, lane1);
  sum = fold(sum, by_16_bytes, lane2);
  sum = fold(sum, by_16_bytes, lane3);
  for (; !bytes.empty(); bytes = bytes.subspan(16)) {
    sum = fold(sum, by_16_bytes, load(bytes.data()));
  }
  return ~reduce(sum, by_16_bytes);
}

bool can_fold() {
  static const bool can = __builtin_cpu_supports("sse2") != 0 && __builtin_cpu_supports("pclmul") != 0;
  return can;
}

#endif

}  // namespace

std::uint32_t crc32(Bytes bytes, std::uint32_t start) {
  if (bytes.empty()) {
    return start;  // zlib would forget `start` when the pointer is null
  }
#ifdef CYR_CRC32_FOLDS
  if (bytes.size() >= kFewest && can_fold()) {
    return crc32_folded(bytes, start);
  }
#endif
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

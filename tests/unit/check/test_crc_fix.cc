// Correcting one wrong byte by its CRC, on headers and records that Cyrus wrote.
#include <string>

#include "format/base/crc32.h"
#include "format/base/io.h"
#include "format/check/crc_fix.h"
#include "format/mailbox/index.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"

using namespace cyr;

namespace {

Buffer buffer_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

TEST_CASE("a sound block has no wrong byte", "[crc_fix]") {
  const std::string text = "some bytes";
  CHECK_FALSE(check::find_wrong_byte(as_bytes(text), crc32(text)));
}

TEST_CASE("every single wrong byte of an index header is found", "[crc_fix][golden]") {
  const test::TempStore store("default");
  const auto where = store.target("user_bovik");
  const auto file = posix_io().read_file(store / where.at("meta") / "cyrus.index");
  REQUIRE_OK(file);
  const Buffer header = buffer_of(file->bytes().first(160));
  const auto stored = load_be<std::uint32_t>(header.data() + 156);
  REQUIRE(crc32(Bytes(header).first(156)) == stored);
  for (std::size_t at = 0; at < 156; ++at) {
    for (const unsigned mask : {0x01U, 0x80U, 0x5AU}) {
      Buffer damaged = header;
      damaged[at] ^= std::byte(mask);
      const auto fix = check::find_wrong_byte(Bytes(damaged).first(156), stored);
      REQUIRE(fix);
      CHECK(fix->offset == at);
      CHECK(fix->mask == mask);
    }
  }
}

TEST_CASE("a wrong byte of the CRC itself is found", "[crc_fix]") {
  const std::string text = "some bytes that are right";
  for (std::size_t at = 0; at < 4; ++at) {
    const std::uint32_t stored = crc32(text) ^ (0x42U << (24 - 8 * at));
    const auto fix = check::find_wrong_byte(as_bytes(text), stored);
    REQUIRE(fix);
    CHECK(fix->offset == text.size() + at);
    CHECK(fix->mask == 0x42);
  }
}

TEST_CASE("two wrong bytes are not explained by one", "[crc_fix]") {
  std::string text(112, 'x');
  const std::uint32_t stored = crc32(text);
  text[3] = 'y';
  text[77] = 'z';
  CHECK_FALSE(check::find_wrong_byte(as_bytes(text), stored));
}

TEST_CASE("two wrong bits are found where they are looked for", "[crc_fix]") {
  std::string text(160, 'x');
  const std::uint32_t stored = crc32(text);
  text[20] ^= 4;
  text[77] ^= 1;
  CHECK_FALSE(check::find_wrong_bits(as_bytes(text), stored, 0, 70));
  const auto bits = check::find_wrong_bits(as_bytes(text), stored, 10, 100);
  REQUIRE(bits);
  text[bits->first.offset] = static_cast<char>(text[bits->first.offset] ^ bits->first.mask);
  text[bits->second.offset] = static_cast<char>(text[bits->second.offset] ^ bits->second.mask);
  CHECK(text == std::string(160, 'x'));
}

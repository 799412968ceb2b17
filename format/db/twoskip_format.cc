#include "format/db/twoskip_format.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/base/crc32.h"
#include "format/base/field.h"
#include "format/db/other_version.h"
#include "format/db/record_access.h"

namespace cyr::db::twoskip {

namespace {

constexpr std::array<Field<Header>, 7> header_fields = {{
    {"version", 20, 1, 1, &Header::version, 4},
    {"generation", 24, 1, 1, &Header::generation, 8},
    {"num_records", 32, 1, 1, &Header::num_records, 8},
    {"repack_size", 40, 1, 1, &Header::repack_size, 8},
    {"current_size", 48, 1, 1, &Header::current_size, 8},
    {"flags", 56, 1, 1, &Header::flags, 4},
    {"crc32", 60, 1, 1, &Header::crc32, 4},
}};
static_assert(fields_fit(header_fields, version, header_size));
constexpr std::size_t header_crc_offset = 60;

constexpr std::array<std::uint8_t, 8> blank = {0x20, 'B', 'L', 'A', 'N', 'K', 0x07, 0xa0};
constexpr std::uint16_t long_key = 0xffff;        // the real length follows as a u64
constexpr std::uint32_t long_value = 0xffffffff;  // likewise
constexpr std::uint64_t block = 512;

bool level_fits(RecordType type, unsigned level) {
  switch (type) {
    case RecordType::dummy:
      return level == max_level;
    case RecordType::record:
      return level >= 1 && level <= max_level;
    case RecordType::erased:
    case RecordType::commit:
      return level == 0;
  }
  return false;
}

Error damaged(const Cursor& cursor, std::string what) { return corrupt(std::move(what), cursor.offset()); }

}  // namespace

Result<Header> decode_header(Bytes file) {
  if (file.size() < header_size || as_text(file.first(magic.size())) != magic) {
    return corrupt("not a twoskip file", 0);
  }
  Header header;
  load_fields(header_fields, version, file, header);
  if (header.version > version) {
    return other_version("twoskip", header.version, 20);
  }
  if (const auto crc = crc32(file.first(header_crc_offset)); crc != header.crc32) {
    return corrupt(fmt::format("header CRC is {:08x}, expected {:08x}", header.crc32, crc),
                   header_crc_offset);
  }
  if (header.current_size < first_record || header.current_size % step != 0) {
    return corrupt(fmt::format("current_size {} is impossible", header.current_size), 48);
  }
  return header;
}

std::array<std::byte, header_size> encode_header(const Header& header) {
  std::array<std::byte, header_size> out{};
  std::copy_n(as_bytes(magic).begin(), magic.size(), out.begin());
  (void)store_fields(header_fields, version, header, out);  // cannot fail: members are as wide as the fields
  store_be(out.data() + header_crc_offset, crc32(Bytes(out).first(header_crc_offset)));
  return out;
}

std::uint64_t Record::level0(std::uint64_t limit) const {
  const std::uint64_t a = slot(0);
  if (type == RecordType::erased || type == RecordType::commit) {
    return a;
  }
  return newest_link(a, slot(1), limit);
}

bool Record::tail_is_sound() const {
  return crc32(bytes.subspan(head_size)) == load_be<std::uint32_t>(bytes.data() + head_size - 4);
}

Result<Record> decode_record(Bytes file, std::uint64_t offset, std::uint64_t limit) {
  limit = std::min<std::uint64_t>(limit, file.size());
  if (offset % step != 0 || offset < dummy_offset || offset >= limit) {
    return corrupt(fmt::format("pointer to {}, where no record can be", offset), offset);
  }
  return decode_record_bytes(file.subspan(offset, limit - offset), offset);
}

Result<Record> decode_record_bytes(Bytes bytes, std::uint64_t offset) {
  begin_record(bytes);
  Cursor cursor(bytes, offset);
  Record record;
  record.offset = offset;
  record.type = static_cast<RecordType>(cursor.u8());
  record.level = cursor.u8();
  if (!level_fits(record.type, record.level)) {
    return corrupt(
        fmt::format("record type 0x{:02x} with level {}", static_cast<unsigned>(record.type), record.level),
        offset);
  }
  std::uint64_t key_size = cursor.u16();
  std::uint64_t value_size = cursor.u32();
  key_size = key_size == long_key ? cursor.u64() : key_size;
  value_size = value_size == long_value ? cursor.u64() : value_size;
  cursor.skip(8 * std::uint64_t{record.level + 1});
  if (!cursor.ok() || cursor.remaining() < Record::crc_bytes) {
    return corrupt("record is cut short", offset);
  }
  const auto crc_at = static_cast<std::size_t>(cursor.offset() - offset);
  const std::uint32_t stored = cursor.u32();
  cursor.skip(4);
  if (const auto crc = crc32(bytes.first(crc_at)); crc != stored) {
    return corrupt(fmt::format("record head CRC is {:08x}, expected {:08x}", stored, crc), offset);
  }
  record.head_size = cursor.offset() - offset;
  record.key = cursor.text(key_size);
  record.value = cursor.text(value_size);
  cursor.pad_to(step);
  if (!cursor.ok()) {
    return damaged(cursor, fmt::format("record with key of {} and value of {} bytes is cut short", key_size,
                                       value_size))
        .at_offset(offset);
  }
  record.bytes = bytes.first(static_cast<std::size_t>(cursor.offset() - offset));
  return record;
}

Status check_tail(const Record& record) {
  if (!record.tail_is_sound()) {
    return corrupt("key or value does not match its CRC", record.offset);
  }
  return success();
}

bool is_blank(Bytes file, std::uint64_t offset) {
  return offset < file.size() && file.size() - offset >= blank.size() &&
         std::equal(blank.begin(), blank.end(), file.begin() + static_cast<std::ptrdiff_t>(offset),
                    [](std::uint8_t a, std::byte b) { return a == std::to_integer<std::uint8_t>(b); });
}

unsigned blanks_before(std::uint64_t end, std::uint64_t head_size) {
  unsigned count = 0;
  if (head_size <= block - step) {
    while ((end + step) % block > (end - step + head_size) % block) {
      end += step;
      ++count;
    }
  }
  return count;
}

std::uint64_t HeadShape::size() const {
  return 8 + (key_size >= long_key ? 8U : 0U) + (value_size >= long_value ? 8U : 0U) +
         8 * std::uint64_t{level + 1} + Record::crc_bytes;
}

namespace {

constexpr std::array<std::byte, step> zeros{};

Bytes padding(std::string_view key, std::string_view value) {
  const std::uint64_t size = key.size() + value.size();
  return Bytes(zeros).first(static_cast<std::size_t>(round_up(size, step) - size));
}

}  // namespace

std::uint32_t tail_crc(std::string_view key, std::string_view value) {
  return crc32(padding(key, value), crc32(value, crc32(key)));
}

void append_head(Buffer& out, const HeadShape& shape, const std::uint64_t* slots) {
  const std::size_t start = out.size();
  out.push_back(static_cast<std::byte>(shape.type));
  out.push_back(static_cast<std::byte>(shape.level));
  append_be(out, static_cast<std::uint16_t>(std::min<std::uint64_t>(shape.key_size, long_key)));
  append_be(out, static_cast<std::uint32_t>(std::min<std::uint64_t>(shape.value_size, long_value)));
  if (shape.key_size >= long_key) {
    append_be(out, shape.key_size);
  }
  if (shape.value_size >= long_value) {
    append_be(out, shape.value_size);
  }
  for (unsigned i = 0; i <= shape.level; ++i) {
    append_be(out, slots[i]);
  }
  append_be(out, crc32(Bytes(out).subspan(start)));
  append_be(out, shape.tail_crc);
}

void append_tail(Buffer& out, std::string_view key, std::string_view value) {
  for (const Bytes part : {as_bytes(key), as_bytes(value), padding(key, value)}) {
    out.insert(out.end(), part.begin(), part.end());
  }
}

void append_blanks(Buffer& out, unsigned count) {
  for (; count > 0; --count) {
    const Bytes bytes = std::as_bytes(std::span(blank));
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
}

void append_marker(Buffer& out, RecordType type, std::uint64_t pointer) {
  append_head(out, {.type = type}, &pointer);
}

Buffer empty_file(const Header& header) {
  const auto head = encode_header(header);
  Buffer out(head.begin(), head.end());
  const std::array<std::uint64_t, max_level + 1> slots{};
  append_head(out, {.type = RecordType::dummy, .level = max_level}, slots.data());
  return out;
}

void HeadCodec::seal(MutableBytes head) {
  const std::size_t crc_at = head.size() - Record::crc_bytes;
  store_be(head.data() + crc_at, crc32(Bytes(head).first(crc_at)));
}

}  // namespace cyr::db::twoskip

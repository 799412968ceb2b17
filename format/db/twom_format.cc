#include "format/db/twom_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <random>

#include "format/base/field.h"
#include "format/db/other_version.h"
#include "format/db/record_access.h"

namespace cyr::db::twom {

namespace {

constexpr std::array<Field<Header>, 10> header_fields = {{
    {"version", 32, 1, 1, &Header::version, 4},
    {"flags", 36, 1, 1, &Header::flags, 4},
    {"generation", 40, 1, 1, &Header::generation, 8},
    {"num_records", 48, 1, 1, &Header::num_records, 8},
    {"num_commits", 56, 1, 1, &Header::num_commits, 8},
    {"dirty_size", 64, 1, 1, &Header::dirty_size, 8},
    {"repack_size", 72, 1, 1, &Header::repack_size, 8},
    {"current_size", 80, 1, 1, &Header::current_size, 8},
    {"maxlevel", 88, 1, 1, &Header::maxlevel, 4},
    {"csum", 92, 1, 1, &Header::csum, 4},
}};
static_assert(fields_fit(header_fields, version, header_size));
constexpr std::size_t uuid_offset = 16;
constexpr std::size_t header_csum_offset = 92;

// Where the parts of a record stand, in bytes from its start; 0: it has none.
struct Layout {
  std::string_view name;
  std::uint8_t ancestor;
  std::uint8_t slots;
  bool fat;      // sizes are two u64 from 8 on, else u16 at 2 and u32 at 4
  bool content;  // has a key and a value
};
constexpr std::array<Layout, 8> layouts = {{
    {"", 0, 0, false, false},
    {"DUMMY", 0, 8, false, false},
    {"ADD", 0, 8, false, true},
    {"FATADD", 0, 24, true, true},
    {"REPLACE", 8, 16, false, true},
    {"FATREPLACE", 24, 32, true, true},
    {"DELETE", 8, 8, false, false},  // its one slot is its ancestor
    {"COMMIT", 0, 8, false, false},
}};
constexpr std::size_t key_size_offset = 2;
constexpr std::size_t value_size_offset = 4;
constexpr std::size_t fat_key_size_offset = 8;
constexpr std::size_t fat_value_size_offset = 16;
constexpr std::uint64_t max_short_key = std::numeric_limits<std::uint16_t>::max();
constexpr std::uint64_t max_short_value = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t csum_bytes = 8;  // of head and tail
constexpr std::uint64_t nuls = 2;        // after key and value

const Layout& layout_of(RecordType type) { return layouts[static_cast<std::size_t>(type)]; }

bool level_fits(RecordType type, unsigned level) {
  if (has_content(type)) {
    return level >= 1 && level <= max_level;
  }
  return level == (type == RecordType::dummy ? max_level : 0);
}

bool matches(Checksum kind, std::uint32_t stored, Bytes bytes) {
  return kind == Checksum::external || checksum(kind, bytes) == stored;
}

bool is_nul(Bytes bytes, std::uint64_t at) { return bytes[static_cast<std::size_t>(at)] == std::byte{0}; }

// Key and value of the tail that begins at `rest`; false when it does not fit.
bool take_content(Record& record, Bytes rest, std::uint64_t key_size, std::uint64_t value_size) {
  if (key_size > rest.size() || value_size > rest.size() - key_size ||
      rest.size() - key_size - value_size < nuls) {
    return false;
  }
  const std::uint64_t tail = round_up(key_size + value_size + nuls, step);
  if (tail > rest.size()) {
    return false;
  }
  const std::string_view text = as_text(rest);
  record.key = text.substr(0, static_cast<std::size_t>(key_size));
  record.value = text.substr(static_cast<std::size_t>(key_size + 1), static_cast<std::size_t>(value_size));
  record.bytes = Bytes(record.bytes.data(), static_cast<std::size_t>(record.head_size + tail));
  return true;
}

// Early 3.13 builds wrote the low 16 bits of a key's size only: the true one is where the NULs and the
// checksum fit.
void find_long_key(Record& record, Bytes rest, std::uint64_t key_size, std::uint64_t value_size,
                   Checksum kind) {
  constexpr int most_checksums = 4;  // against files made to waste time
  Record plain = record;
  if (take_content(plain, rest, key_size, value_size) && is_nul(rest, key_size)) {
    return;
  }
  int tried = 0;
  for (std::uint64_t size = key_size + max_short_key + 1; tried < most_checksums; size += max_short_key + 1) {
    Record candidate = record;
    if (!take_content(candidate, rest, size, value_size)) {
      return;
    }
    if (is_nul(rest, size) && is_nul(rest, size + 1 + value_size)) {
      ++tried;
      if (tail_is_sound(candidate, kind)) {
        record = candidate;
        record.cut_key_size = true;
        return;
      }
    }
  }
}

Error bad_record(std::uint64_t offset, std::string what) { return corrupt(std::move(what), offset); }

}  // namespace

bool has_content(RecordType type) { return layout_of(type).content; }
std::string_view name_of(RecordType type) { return layout_of(type).name; }

Checksum Header::checksum() const {
  if ((flags & checksum_external) != 0) {
    return Checksum::external;
  }
  return (flags & checksum_null) != 0 ? Checksum::null : Checksum::xxh3;
}

Result<Header> decode_header(Bytes file) {
  if (file.size() < first_record || as_text(file.first(magic.size())) != magic) {
    return corrupt("not a twom file", 0);
  }
  Header header;
  load_fields(header_fields, version, file, header, ByteOrder::little);
  std::copy_n(file.begin() + uuid_offset, header.uuid.size(), header.uuid.begin());
  if (header.version > version) {
    return other_version("twom", header.version, 32);
  }
  if (!matches(header.checksum(), header.csum, file.first(header_csum_offset))) {
    return corrupt(fmt::format("header checksum is {:08x}, expected {:08x}", header.csum,
                               checksum(header.checksum(), file.first(header_csum_offset))),
                   header_csum_offset);
  }
  if ((header.flags & order_external) != 0) {
    return make_error(Errc::unsupported,
                      "twom file whose keys are in the order of another program's function");
  }
  if (header.current_size < first_record || header.current_size % step != 0) {
    return corrupt(fmt::format("current_size {} is impossible", header.current_size), 80);
  }
  return header;
}

std::array<std::byte, header_size> encode_header(const Header& header) {
  std::array<std::byte, header_size> out{};
  std::copy_n(as_bytes(magic).begin(), magic.size(), out.begin());
  std::copy(header.uuid.begin(), header.uuid.end(), out.begin() + uuid_offset);
  // Cannot fail: members are as wide as the fields.
  (void)store_fields(header_fields, version, header, out, ByteOrder::little);
  store_le(out.data() + header_csum_offset,
           checksum(header.checksum(), Bytes(out).first(header_csum_offset)));
  return out;
}

Result<Record> decode_record(Bytes file, std::uint64_t offset, std::uint64_t limit, Checksum kind,
                             HeadCheck check) {
  limit = std::min<std::uint64_t>(limit, file.size());
  if (offset % step != 0 || offset < dummy_offset || offset >= limit || limit - offset < marker_size) {
    return bad_record(offset, fmt::format("pointer to {}, where no record can be", offset));
  }
  const Bytes from = file.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(limit - offset));
  begin_record(from);
  const auto type = std::to_integer<std::uint8_t>(from[0]);
  Record record;
  record.offset = offset;
  record.level = std::to_integer<std::uint8_t>(from[1]);
  if (type == 0 || type >= layouts.size() || !level_fits(static_cast<RecordType>(type), record.level)) {
    return bad_record(offset, fmt::format("record type {} with level {}", type, record.level));
  }
  record.type = static_cast<RecordType>(type);
  const Layout& layout = layout_of(record.type);
  record.head_size = layout.slots + 8 * std::uint64_t{record.level + 1} + csum_bytes;
  if (record.head_size > from.size()) {
    return bad_record(offset, "record is cut short");
  }
  const auto csum_at = static_cast<std::size_t>(record.head_size - csum_bytes);
  const auto stored = load_le<std::uint32_t>(from.data() + csum_at);
  const bool torn = !matches(kind, stored, from.first(csum_at));
  if (torn && !(check == HeadCheck::may_be_torn && layout.content)) {
    return bad_record(offset, fmt::format("record head checksum is {:08x}, expected {:08x}", stored,
                                          checksum(kind, from.first(csum_at))));
  }
  record.bytes = from.first(static_cast<std::size_t>(record.head_size));
  record.ancestor = layout.ancestor != 0 ? load_le<std::uint64_t>(from.data() + layout.ancestor) : 0;
  if (!layout.content) {
    return record;
  }
  const std::uint64_t key_size = layout.fat ? load_le<std::uint64_t>(from.data() + fat_key_size_offset)
                                            : load_le<std::uint16_t>(from.data() + key_size_offset);
  const std::uint64_t value_size = layout.fat ? load_le<std::uint64_t>(from.data() + fat_value_size_offset)
                                              : load_le<std::uint32_t>(from.data() + value_size_offset);
  const Bytes rest = from.subspan(static_cast<std::size_t>(record.head_size));
  if (!layout.fat) {
    find_long_key(record, rest, key_size, value_size, kind);
  }
  if (!record.cut_key_size && !take_content(record, rest, key_size, value_size)) {
    return bad_record(offset, fmt::format("record with key of {} and value of {} bytes is cut short",
                                          key_size, value_size));
  }
  if (torn) {
    CYR_CHECK(check_tail(record, kind));
  }
  return record;
}

bool tail_is_sound(const Record& record, Checksum kind) {
  if (!has_content(record.type)) {
    return true;
  }
  return matches(kind, load_le<std::uint32_t>(record.bytes.data() + record.head_size - 4),
                 record.bytes.subspan(static_cast<std::size_t>(record.head_size)));
}

Status check_tail(const Record& record, Checksum kind) {
  return tail_is_sound(record, kind)
             ? success()
             : Status(corrupt("key or value does not match its checksum", record.offset));
}

RecordType content_type(bool replaces, std::uint64_t key_size, std::uint64_t value_size) {
  if (key_size > max_short_key || value_size > max_short_value) {
    return replaces ? RecordType::fat_replace : RecordType::fat_add;
  }
  return replaces ? RecordType::replace : RecordType::add;
}

void append_head(Buffer& out, const HeadShape& shape, const std::uint64_t* slots, Checksum kind) {
  const Layout& layout = layout_of(shape.type);
  const std::size_t start = out.size();
  out.resize(start + layout.slots);
  std::byte* const at = out.data() + start;
  at[0] = static_cast<std::byte>(shape.type);
  at[1] = static_cast<std::byte>(shape.level);
  if (layout.fat) {
    store_le(at + fat_key_size_offset, shape.key_size);
    store_le(at + fat_value_size_offset, shape.value_size);
  } else if (layout.content) {
    store_le(at + key_size_offset, static_cast<std::uint16_t>(shape.key_size));
    store_le(at + value_size_offset, static_cast<std::uint32_t>(shape.value_size));
  }
  if (layout.content && layout.ancestor != 0) {
    store_le(at + layout.ancestor, shape.ancestor);
  }
  for (unsigned i = 0; i <= shape.level; ++i) {
    append_le(out, slots[i]);
  }
  append_le(out, checksum(kind, Bytes(out).subspan(start)));
  append_le(out, shape.tail_csum);
}

void append_record(Buffer& out, HeadShape& shape, const std::uint64_t* slots, std::string_view key,
                   std::string_view value, Checksum kind) {
  Buffer tail(static_cast<std::size_t>(round_up(key.size() + value.size() + nuls, step)));
  std::copy_n(as_bytes(key).begin(), key.size(), tail.begin());
  std::copy_n(as_bytes(value).begin(), value.size(),
              tail.begin() + static_cast<std::ptrdiff_t>(key.size() + 1));
  shape.tail_csum = checksum(kind, tail);
  append_head(out, shape, slots, kind);
  out.insert(out.end(), tail.begin(), tail.end());
}

Buffer marker(RecordType type, std::uint64_t target, Checksum kind) {
  Buffer out;
  append_head(out, {.type = type}, &target, kind);
  return out;
}

Buffer empty_file(const Header& header) {
  const auto head = encode_header(header);
  Buffer out(head.begin(), head.end());
  const std::array<std::uint64_t, max_level + 1> slots{};
  append_head(out, {.type = RecordType::dummy, .level = max_level}, slots.data(), header.checksum());
  return out;
}

std::uint64_t grown_size(std::uint64_t needed) {
  constexpr std::uint64_t page = std::uint64_t{16} << 10U;
  return round_up(needed + needed / 4, page);
}

void HeadCodec::seal(MutableBytes head) const {
  const std::size_t at = head.size() - static_cast<std::size_t>(csum_bytes);
  store_le(head.data() + at, checksum(kind, head.first(at)));
}

Uuid fresh_uuid() {
  std::random_device device;
  Uuid out{};
  for (std::size_t i = 0; i < out.size(); i += sizeof(std::uint32_t)) {
    store_le(out.data() + i, static_cast<std::uint32_t>(device()));
  }
  out[6] = (out[6] & std::byte{0x0f}) | std::byte{0x40};  // RFC 4122 4.4: version 4, of random bits
  out[8] = (out[8] & std::byte{0x3f}) | std::byte{0x80};
  return out;
}

std::string uuid_text(const Uuid& uuid) {
  std::string out;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    out += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                       std::to_integer<unsigned>(uuid[i]));
  }
  return out;
}

}  // namespace cyr::db::twom

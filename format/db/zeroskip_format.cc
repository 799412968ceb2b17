#include "format/db/zeroskip_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "format/base/crc32.h"
#include "format/db/other_version.h"

namespace cyr::db::zeroskip {

namespace {

constexpr std::uint64_t signature = 0x5a45524f534b4950;  // "ZEROSKIP"
constexpr std::uint32_t version = 1;
constexpr std::size_t uuid_size = 36;  // as text

// .zsdb, newer layout: signature in host order, offset and index big-endian.
constexpr std::size_t marker_size = 61;
constexpr std::size_t marker_offset = 8;
constexpr std::size_t marker_uuid = 16;
constexpr std::size_t marker_index = 53;
constexpr std::size_t marker_crc = 57;
// Older layout: signature, index, UUID.
constexpr std::size_t old_marker_size = 48;
constexpr std::size_t old_marker_uuid = 12;

// Header of a data file.
constexpr std::size_t header_version = 8;
constexpr std::size_t header_start = 28;
constexpr std::size_t header_end = 32;
constexpr std::size_t header_crc = 36;

constexpr std::uint64_t step = 8;
constexpr std::uint64_t key_head = 24;
constexpr std::uint64_t value_head = 16;
constexpr std::uint64_t short_commit = 8;
constexpr std::uint64_t long_commit = 24;
constexpr std::uint64_t max_short_key = 65535;

enum Type : std::uint8_t {
  type_key = 1,
  type_value = 2,
  type_commit = 4,
  type_final = 16,
  type_long = 32,
  type_deleted = 64,
};

bool is_uuid(std::string_view text) {
  for (std::size_t i = 0; i < uuid_size; ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    constexpr std::string_view hex = "0123456789abcdefABCDEF";
    if (i >= text.size() || (dash ? text[i] != '-' : hex.find(text[i]) == std::string_view::npos)) {
      return false;
    }
  }
  return true;
}

// The bytes of integers as they stand in the memory of the host that wrote them.
template <class T>
void append_host(Buffer& out, T value, bool big) {
  big ? append_be(out, value) : append_le(out, value);
}

// Host-order CRCs: right on hosts of either byte order.
bool marker_crc_fits(Bytes file) {
  const auto stored = load_be<std::uint32_t>(file.data() + marker_crc);
  for (const bool big : {false, true}) {
    Buffer host;
    append_host(host, signature, big);
    append_host(host, load_be<std::uint64_t>(file.data() + marker_offset), big);
    const Bytes uuid = file.subspan(marker_uuid, uuid_size + 1);
    host.insert(host.end(), uuid.begin(), uuid.end());
    append_host(host, load_be<std::uint32_t>(file.data() + marker_index), big);
    if (crc32(host) == stored) {
      return true;
    }
  }
  return false;
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value)
                                                                                   : std::nullopt;
}

// A record while it is read.
struct Reader {
  Bytes file;
  std::uint64_t offset;
  bool& cut;

  [[nodiscard]] Error fail(std::string what) const { return corrupt(std::move(what), offset); }
  [[nodiscard]] Status need(std::uint64_t from, std::uint64_t size) const {
    if (from > file.size() || size > file.size() - from) {
      cut = true;
      return fail("record is cut short");
    }
    return success();
  }
  [[nodiscard]] std::uint64_t word(std::uint64_t at) const {
    return load_be<std::uint64_t>(file.data() + at);
  }
  // In the first byte; the writer puts that of long ones into the last byte of the word.
  [[nodiscard]] static std::uint8_t type_of(std::uint64_t word) {
    const auto first = static_cast<std::uint8_t>(word >> 56U);
    return first != 0 || word > 0xff ? first : static_cast<std::uint8_t>(word);
  }

  Result<std::string_view> bytes(std::uint64_t at, std::uint64_t size, std::uint64_t* end) const {
    if (size > file.size()) {
      cut = true;
      return fail("record is cut short");
    }
    CYR_CHECK(need(at, round_up(size, step)));
    *end = at + round_up(size, step);
    return as_text(file.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(size)));
  }

  Status value(std::uint64_t at, Record& record) const {
    CYR_CHECK(need(at, value_head));
    const std::uint64_t head = word(at);
    const std::uint8_t type = type_of(head);
    if (type != type_value && type != (type_value | type_long)) {
      return fail(fmt::format("value of type {}", type));
    }
    const std::uint64_t size = type == type_value ? head & 0xffffffffU : word(at + 8);
    CYR_TRY(record.value, bytes(at + value_head, size, &record.end));
    return success();
  }

  Result<Record> keyed(std::uint8_t type, std::uint64_t head) const {
    CYR_CHECK(need(offset, key_head));
    const bool is_long = (type & type_long) != 0 || type == 0;
    Record record;
    const std::uint64_t size = is_long ? word(offset + 8) : (head >> 40U) & 0xffffU;
    CYR_TRY(record.key, bytes(offset + key_head, size, &record.end));
    if ((type & type_key) == 0) {
      record.kind = RecordKind::erased;
      return record;
    }
    record.kind = RecordKind::entry;
    const std::uint64_t to_value = is_long ? word(offset + 16) : head & ((std::uint64_t{1} << 40U) - 1);
    if (to_value != record.end - offset) {
      return fail(fmt::format("value is said to be {} bytes after its key, expected {}", to_value,
                              record.end - offset));
    }
    CYR_CHECK(value(record.end, record));
    return record;
  }
};

}  // namespace

Result<Marker> decode_marker(Bytes file) {
  if (file.size() < old_marker_size || (load_le<std::uint64_t>(file.data()) != signature &&
                                        load_be<std::uint64_t>(file.data()) != signature)) {
    return corrupt("not a zeroskip marker", 0);
  }
  const std::string_view text = as_text(file);
  if (file.size() >= marker_size && is_uuid(text.substr(marker_uuid))) {
    if (!marker_crc_fits(file)) {
      return corrupt("CRC of the marker does not fit", marker_crc);
    }
    return Marker{std::string(text.substr(marker_uuid, uuid_size))};
  }
  if (is_uuid(text.substr(old_marker_uuid))) {
    return Marker{std::string(text.substr(old_marker_uuid, uuid_size))};
  }
  return corrupt("has no UUID", marker_uuid);
}

std::optional<FileName> parse_name(std::string_view name, std::string_view uuid) {
  constexpr std::string_view prefix = "zeroskip-";
  if (!name.starts_with(prefix) || !name.substr(prefix.size()).starts_with(uuid)) {
    return {};
  }
  name.remove_prefix(prefix.size() + uuid.size());
  if (!name.starts_with('-')) {
    return {};
  }
  name.remove_prefix(1);
  const auto dash = name.find('-');
  const auto start = number(name.substr(0, dash));
  const auto end = dash == std::string_view::npos ? start : number(name.substr(dash + 1));
  if (!start || !end || *end < *start) {
    return {};
  }
  return FileName{*start, *end, dash != std::string_view::npos};
}

Status check_header(Bytes file) {
  if (file.size() < header_size || load_be<std::uint64_t>(file.data()) != signature) {
    return corrupt("not a zeroskip data file", 0);
  }
  if (const auto found = load_be<std::uint32_t>(file.data() + header_version); found != version) {
    return other_version("zeroskip", found, header_version);
  }
  // Over the fields as they stood in the writer's memory; on a big-endian host that is the file's own bytes.
  Buffer host;
  append_le(host, signature);
  append_le(host, version);
  host.insert(host.end(), file.begin() + header_version + 4, file.begin() + header_start);
  append_le(host, load_be<std::uint32_t>(file.data() + header_start));
  append_le(host, load_be<std::uint32_t>(file.data() + header_end));
  const auto stored = load_be<std::uint32_t>(file.data() + header_crc);
  if (crc32(host) != stored && crc32(file.first(header_crc)) != stored) {
    return corrupt("header CRC does not fit", header_crc);
  }
  return success();
}

Result<Record> decode_record(Bytes file, std::uint64_t offset, bool& cut) {
  cut = false;
  const Reader reader{file, offset, cut};
  CYR_CHECK(reader.need(offset, step));
  const std::uint64_t head = reader.word(offset);
  const std::uint8_t type = Reader::type_of(head);
  switch (type) {
    case type_key:
    case type_key | type_long:
    case type_deleted:
    case type_deleted | type_long:
    case type_long:  // what the library's constant for long deleted ones is by mistake
      return reader.keyed(type, head);
    case type_commit:
    case type_final:
      return Record{RecordKind::commit, {}, {}, offset + short_commit, type == type_final};
    case type_commit | type_long:
    case type_final | type_long:
      CYR_CHECK(reader.need(offset, long_commit));
      return Record{RecordKind::commit, {}, {}, offset + long_commit, type == (type_final | type_long)};
    case 0: {
      // The writer of long deleted ones forgets the type.
      CYR_CHECK(reader.need(offset, key_head));
      if (reader.word(offset + 8) > max_short_key && reader.word(offset + 16) == 0) {
        return reader.keyed(type, head);
      }
      break;
    }
    default:
      break;
  }
  return corrupt(fmt::format("record of type {}", type), offset);
}

}  // namespace cyr::db::zeroskip

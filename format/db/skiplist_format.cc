#include "format/db/skiplist_format.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/base/field.h"
#include "format/db/other_version.h"
#include "format/db/record_access.h"

namespace cyr::db::skiplist {

namespace {

constexpr std::array<Field<Header>, 7> header_fields = {{
    {"version", 20, 1, 1, &Header::version, 4},
    {"version_minor", 24, 1, 1, &Header::version_minor, 4},
    {"maxlevel", 28, 1, 1, &Header::maxlevel, 4},
    {"curlevel", 32, 1, 1, &Header::curlevel, 4},
    {"listsize", 36, 1, 1, &Header::listsize, 4},
    {"logstart", 40, 1, 1, &Header::logstart, 4},
    {"last_recovery", 44, 1, 1, &Header::last_recovery, 4},
}};
static_assert(fields_fit(header_fields, version, header_size));

bool is_node_type(RecordType type) {
  return type == RecordType::inorder || type == RecordType::add || type == RecordType::dummy;
}

// Takes `size` bytes and the padding after them, which is zero in everything that Cyrus wrote.
std::string_view take_padded(Cursor& cursor, std::uint64_t size, bool& sound) {
  const std::string_view out = cursor.text(size);
  const Bytes padding = cursor.bytes(round_up(size, step) - size);
  sound = sound && cursor.ok() &&
          std::all_of(padding.begin(), padding.end(), [](std::byte b) { return b == std::byte{0}; });
  return out;
}

void append_padded(Buffer& out, std::string_view text) {
  const Bytes bytes = as_bytes(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
  out.resize(static_cast<std::size_t>(round_up(out.size(), step)));
}

}  // namespace

Result<Header> decode_header(Bytes file) {
  if (file.size() < header_size || as_text(file.first(magic.size())) != magic) {
    return corrupt("not a skiplist file", 0);
  }
  Header header;
  load_fields(header_fields, version, file, header);
  if (header.version != version) {
    return other_version("skiplist", header.version, 20);
  }
  if (header.maxlevel == 0 || header.maxlevel > max_level) {
    return corrupt(fmt::format("maxlevel {}, expected at most {}", header.maxlevel, max_level), 28);
  }
  if (header.curlevel > header.maxlevel) {
    return corrupt(fmt::format("curlevel {} above maxlevel {}", header.curlevel, header.maxlevel), 32);
  }
  if (header.logstart < first_record - 4 * (max_level - header.maxlevel) || header.logstart % step != 0) {
    return corrupt(fmt::format("logstart {} is impossible", header.logstart), 40);
  }
  return header;
}

std::array<std::byte, header_size> encode_header(const Header& header) {
  std::array<std::byte, header_size> out{};
  std::copy_n(as_bytes(magic).begin(), magic.size(), out.begin());
  (void)store_fields(header_fields, version, header, out);  // cannot fail: members are as wide as the fields
  return out;
}

Result<Node> decode_node(Bytes file, std::uint64_t offset) {
  if (offset % step != 0 || offset < dummy_offset || offset >= file.size()) {
    return corrupt(fmt::format("pointer to {}, where no record can be", offset), offset);
  }
  const Bytes from = file.subspan(static_cast<std::size_t>(offset));
  begin_record(from);
  Cursor cursor(from, offset);
  Node node;
  node.offset = offset;
  node.type = static_cast<RecordType>(cursor.u32());
  if (!is_node_type(node.type)) {
    return corrupt(fmt::format("record type {}, expected a node", static_cast<std::uint32_t>(node.type)),
                   offset);
  }
  bool sound = true;
  node.key = take_padded(cursor, cursor.u32(), sound);
  node.value = take_padded(cursor, cursor.u32(), sound);
  if (!sound) {
    return corrupt("node with impossible lengths", offset);
  }
  std::uint32_t word = cursor.u32();
  for (; cursor.ok() && word != terminator && node.level < max_level; word = cursor.u32()) {
    ++node.level;
  }
  if (!cursor.ok() || word != terminator || node.level == 0) {
    return corrupt("node without an end of its pointers", offset);
  }
  node.bytes =
      file.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(cursor.offset() - offset));
  return node;
}

Result<LogRecord> decode_log_record(Bytes file, std::uint64_t offset) {
  if (offset % step != 0 || offset >= file.size()) {
    return corrupt("the log is cut short", offset);
  }
  Cursor cursor(file.subspan(static_cast<std::size_t>(offset)), offset);
  LogRecord record;
  record.type = static_cast<RecordType>(cursor.u32());
  if (record.type == RecordType::erased) {
    record.victim = cursor.u32();
  } else if (record.type != RecordType::commit) {
    CYR_TRY(record.node, decode_node(file, offset));
    if (record.node.type == RecordType::dummy || record.node.key.empty()) {
      return corrupt("node without a key", offset);
    }
    record.end = record.node.end();
    return record;
  }
  CYR_CHECK(cursor.check("log record"));
  record.end = cursor.offset();
  return record;
}

std::uint64_t node_size(std::string_view key, std::string_view value, unsigned level) {
  return 12 + round_up(key.size(), step) + round_up(value.size(), step) + 4 * std::uint64_t{level} + 4;
}

void append_node(Buffer& out, RecordType type, std::string_view key, std::string_view value, unsigned level,
                 const std::uint64_t* next) {
  append_be(out, static_cast<std::uint32_t>(type));
  append_be(out, static_cast<std::uint32_t>(key.size()));
  append_padded(out, key);
  append_be(out, static_cast<std::uint32_t>(value.size()));
  append_padded(out, value);
  for (unsigned i = 0; i < level; ++i) {
    append_be(out, static_cast<std::uint32_t>(next[i]));
  }
  append_be(out, terminator);
}

void append_delete(Buffer& out, std::uint64_t victim) {
  append_be(out, static_cast<std::uint32_t>(RecordType::erased));
  append_be(out, static_cast<std::uint32_t>(victim));
}

void append_commit(Buffer& out) { append_be(out, static_cast<std::uint32_t>(RecordType::commit)); }

Buffer empty_file(const Header& header) {
  const auto head = encode_header(header);
  Buffer out(head.begin(), head.end());
  const std::array<std::uint64_t, max_level> next{};
  append_node(out, RecordType::dummy, {}, {}, max_level, next.data());
  return out;
}

bool ends_with_commit(Bytes file, const Header& header) {
  const std::size_t size = file.size();
  if (size % step != 0 || size < header.logstart) {
    return false;
  }
  const auto word = [&](std::size_t back) { return load_be<std::uint32_t>(file.data() + size - back); };
  if (size == header.logstart) {
    return word(4) == terminator;
  }
  return size >= header.logstart + 12 && word(4) == static_cast<std::uint32_t>(RecordType::commit) &&
         (word(8) == terminator || word(12) == static_cast<std::uint32_t>(RecordType::erased));
}

}  // namespace cyr::db::skiplist

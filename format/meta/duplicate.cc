#include "format/meta/duplicate.h"

#include <fmt/core.h>

#include "format/base/bytes.h"

namespace cyr::meta {

namespace {

// Native numbers of the writing host. Only little-endian ones are told apart: the four sizes that occur are a
// time alone or a time and a UID, of 32 or 64 bits each.
std::uint64_t load_native(std::string_view value, std::size_t at, std::size_t width) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < width; ++i) {
    number |= std::uint64_t{static_cast<unsigned char>(value[at + i])} << (8 * i);
  }
  return number;
}

}  // namespace

Result<DuplicateRecord> decode_duplicate(std::string_view key, std::string_view value) {
  DuplicateRecord record;
  const std::size_t id_end = key.find('\0');
  const std::size_t to_end = id_end == std::string_view::npos ? id_end : key.find('\0', id_end + 1);
  if (to_end == std::string_view::npos) {
    return corrupt("duplicate delivery key without a recipient");
  }
  record.id = key.substr(0, id_end);
  record.to = key.substr(id_end + 1, to_end - id_end - 1);
  record.date = key.substr(to_end + 1);
  if (!record.date.empty() && record.date.back() == '\0') {
    record.date.pop_back();
  }
  // 8 bytes are a time of a 64-bit 2.1, or time and UID of a 32-bit host; a 64-bit time of our age has zeros
  // in its upper half, while a UID of 0 belongs to sieve's marks only, whose time would be the same.
  if (value.size() == 16) {
    record.mark = static_cast<std::int64_t>(load_native(value, 0, 8));
    record.uid = load_native(value, 8, 8);
  } else if (value.size() == 8) {
    record.mark = static_cast<std::int64_t>(load_native(value, 0, 4));
    record.uid = load_native(value, 4, 4);
  } else if (value.size() == 4) {
    record.mark = static_cast<std::int64_t>(load_native(value, 0, 4));
  } else {
    return corrupt(fmt::format("duplicate delivery record of {} bytes", value.size()));
  }
  return record;
}

Result<std::string> encode_duplicate_key(const DuplicateRecord& record) {
  std::string key;
  for (const std::string* part : {&record.id, &record.to, &record.date}) {
    if (part->find('\0') != std::string::npos || (part->empty() && part != &record.date)) {
      return make_error(Errc::invalid, "no message id or recipient that can be remembered");
    }
    key.append(*part).push_back('\0');
  }
  return key;
}

std::string encode_duplicate_value(const DuplicateRecord& record) {
  Buffer value;
  append_le(value, static_cast<std::uint64_t>(record.mark));
  append_le(value, record.uid);
  return std::string(as_text(value));
}

}  // namespace cyr::meta

// Codecs of header and records, driven by the tables of index_layout. What the tables cannot say is here:
// times of v20 are nanoseconds on disk, the cache version shares its word with the upper bits of the cache
// offset, and before v6 the sizes in the file, not the version, tell which fields exist.
#include "format/mailbox/index.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include "format/base/crc32.h"
#include "format/mailbox/index_layout.h"

namespace cyr::mailbox {
namespace {

constexpr std::uint64_t kNanoseconds = 1'000'000'000;
constexpr std::uint32_t kSizesEnd =
    24;  // generation_no ... num_records: what must be there to know the sizes
// Before v6: fields up to quota_mailbox_used were always there.
constexpr std::uint32_t kOldestHeaderSize = 36;
constexpr std::uint32_t kFirstFixedVersion = 6;  // from here on minor_version alone decides the sizes
// The cache offset's bits 32-47 are the upper half of the cache_version word.
constexpr unsigned kOffsetHighShift = 16;
constexpr std::uint64_t kMaxCacheOffset = 0xFFFF'FFFF'FFFF;

// Members that are nanoseconds on disk from v20 on.
constexpr auto kHeaderTimes = std::to_array<std::uint64_t IndexHeader::*>(
    {&IndexHeader::last_appenddate, &IndexHeader::pop3_last_login, &IndexHeader::first_expunged,
     &IndexHeader::last_repack_time, &IndexHeader::recenttime, &IndexHeader::pop3_show_after,
     &IndexHeader::changes_epoch});
constexpr auto kRecordTimes = std::to_array<std::uint64_t IndexRecord::*>(
    {&IndexRecord::internaldate, &IndexRecord::sentdate, &IndexRecord::gmtime, &IndexRecord::last_updated,
     &IndexRecord::savedate});

// Seconds as they are written: in v20 nanoseconds, everywhere else seconds.
Result<std::uint64_t> to_nanoseconds(std::uint64_t seconds, std::uint32_t nsec) {
  if (seconds > (std::numeric_limits<std::uint64_t>::max() - nsec) / kNanoseconds) {
    return make_error(Errc::invalid,
                      fmt::format("time {} does not fit into the 8 bytes of nanoseconds", seconds));
  }
  return seconds * kNanoseconds + nsec;
}

std::string size_message(std::string_view what, std::uint64_t is, std::uint64_t should, unsigned version) {
  return fmt::format("{} {}, expected {} for index version {}", what, is, should, version);
}

// start_offset and record_size against the version's table row.
Status check_sizes(const IndexHeader& header, const IndexVersion& version) {
  constexpr std::uint64_t at_start = 12;
  constexpr std::uint64_t at_record = 16;
  if (version.minor >= kFirstFixedVersion) {
    if (header.start_offset != version.header_size) {
      return corrupt(size_message("header size", header.start_offset, version.header_size, version.minor),
                     at_start);
    }
  } else if (header.start_offset < kOldestHeaderSize || header.start_offset > index_version(5)->header_size ||
             header.start_offset % 4 != 0) {
    return corrupt(size_message("header size", header.start_offset, version.header_size, version.minor),
                   at_start);
  }
  if (record_layout(header) == 0) {
    return corrupt(size_message("record size", header.record_size, version.record_size, version.minor),
                   at_record);
  }
  return success();
}

Result<IndexHeader> decode_header_bytes(Bytes file, bool check_crc) {
  if (file.size() < kSizesEnd) {
    return corrupt(fmt::format("index of {} bytes is too short for a header", file.size()), file.size());
  }
  IndexHeader header;
  const unsigned minor = load_be<std::uint32_t>(file.data() + 8);
  const IndexVersion* version = index_version(minor);
  if (version == nullptr) {
    return make_error(Errc::unsupported, fmt::format("index minor version {} is not known", minor))
        .at_offset(8);
  }
  load_fields(index_header_fields(), version->minor, file.first(kSizesEnd), header);
  CYR_CHECK(check_sizes(header, *version));
  if (file.size() < header.start_offset) {
    return corrupt(
        fmt::format("index ends after {} bytes, its header has {}", file.size(), header.start_offset),
        file.size());
  }
  const Bytes raw = file.first(header.start_offset);
  load_fields(index_header_fields(), version->minor, raw, header);
  if (has_nanoseconds(version->minor)) {
    for (const auto member : kHeaderTimes) {
      header.*member /= kNanoseconds;
    }
  }
  header.raw.assign(raw.begin(), raw.end());
  if (check_crc && !header_crc_ok(raw, version->minor)) {
    return corrupt(fmt::format("header CRC {:08x}, expected {:08x}", header.header_crc,
                               crc32(raw.first(version->header_crc_at))),
                   version->header_crc_at);
  }
  return header;
}

template <class Names>
std::vector<std::string> names_of(std::uint32_t bits, std::span<const NamedBit> table, const Names& name_of) {
  std::vector<std::string> names;
  for (const NamedBit& bit : table) {
    if ((bits & bit.mask) != 0) {
      names.emplace_back(name_of(bit));
    }
  }
  return names;
}

}  // namespace

Result<IndexHeader> decode_index_header(Bytes file) { return decode_header_bytes(file, true); }
Result<IndexHeader> decode_index_header_unchecked(Bytes file) { return decode_header_bytes(file, false); }

Result<Buffer> encode_index_header(const IndexHeader& header) {
  const IndexVersion* version = index_version(header.minor_version);
  if (version == nullptr) {
    return make_error(Errc::unsupported,
                      fmt::format("index minor version {} is not known", header.minor_version));
  }
  CYR_CHECK(check_sizes(header, *version));
  Buffer out(header.start_offset);
  if (header.raw.size() == out.size()) {
    out = header.raw;
  }
  if (has_nanoseconds(version->minor)) {
    IndexHeader scaled = header;
    for (const auto member : kHeaderTimes) {
      CYR_TRY(scaled.*member, to_nanoseconds(header.*member, 0));
    }
    CYR_CHECK(store_fields(index_header_fields(), version->minor, scaled, MutableBytes(out)));
  } else {
    CYR_CHECK(store_fields(index_header_fields(), version->minor, header, MutableBytes(out)));
  }
  if (version->header_crc_at != 0) {
    store_be(out.data() + version->header_crc_at, crc32(Bytes(out).first(version->header_crc_at)));
  }
  return out;
}

bool set_index_version(IndexHeader& header, unsigned minor_version) {
  const IndexVersion* version = index_version(minor_version);
  if (version == nullptr) {
    return false;
  }
  header.minor_version = version->minor;
  header.start_offset = version->header_size;
  header.record_size = version->record_size;
  return true;
}

unsigned record_layout(const IndexHeader& header) {
  const IndexVersion* version = index_version(header.minor_version);
  if (version == nullptr) {
    return 0;
  }
  if (version->minor < kFirstFixedVersion) {
    // 2.x wrote new record layouts before it raised the minor version.
    for (const unsigned layout : {4U, 5U, 6U}) {
      if (index_version(layout)->record_size == header.record_size) {
        return layout;
      }
    }
    return 0;
  }
  if (version->record_size == header.record_size) {
    return version->minor;
  }
  constexpr unsigned kWideRecordsIn = 19;  // a development bug of 3.13
  return version->minor == kWideRecordsIn && header.record_size == index_version(20)->record_size ? 20 : 0;
}

namespace {

// What one layout has of the tables, looked up once and not for every record of a mailbox again.
struct RecordRows {
  struct Narrow {
    std::uint16_t offset;
    std::uint32_t IndexRecord::*member;
  };
  struct Wide {
    std::uint16_t offset;
    std::uint8_t width;
    std::uint64_t IndexRecord::*member;
  };
  std::size_t record_size = 0;  // 0: no such layout
  std::vector<Narrow> narrow;
  std::vector<Wide> wide;
  std::optional<std::uint16_t> guid, uuid, user_flags;
  bool nanoseconds = false;
};

RecordRows find_rows(const IndexVersion& version) {
  RecordRows rows;
  rows.record_size = version.record_size;
  rows.nanoseconds = has_nanoseconds(version.minor);
  for (const Field<IndexRecord>& field : index_record_fields()) {
    if (!field.in(version.minor)) {
      continue;
    }
    if (const auto* const narrow = std::get_if<std::uint32_t IndexRecord::*>(&field.member)) {
      rows.narrow.push_back({field.offset, *narrow});  // 4 bytes on disk
    } else {
      rows.wide.push_back({field.offset, field.width, std::get<std::uint64_t IndexRecord::*>(field.member)});
    }
  }
  for (const ByteField& bytes : index_record_byte_fields()) {
    if (bytes.in(version.minor)) {
      (bytes.name == "guid" ? rows.guid : bytes.name == "uuid" ? rows.uuid : rows.user_flags) = bytes.offset;
    }
  }
  return rows;
}

const RecordRows& rows_of(unsigned layout) {
  static const std::vector<RecordRows> all = [] {
    std::vector<RecordRows> out(kNewestIndexVersion + 1);
    for (const IndexVersion& version : index_versions()) {
      out[version.minor] = find_rows(version);
    }
    return out;
  }();
  return layout < all.size() ? all[layout] : all.front();
}

}  // namespace

Result<IndexRecord> decode_index_record(Bytes record, unsigned layout) {
  const RecordRows& rows = rows_of(layout);
  if (rows.record_size == 0 || record.size() != rows.record_size) {
    return corrupt(fmt::format("record of {} bytes does not have the layout of index version {}",
                               record.size(), layout));
  }
  IndexRecord out;
  for (const RecordRows::Narrow& field : rows.narrow) {
    out.*field.member = load_be<std::uint32_t>(record.data() + field.offset);
  }
  for (const RecordRows::Wide& field : rows.wide) {
    const std::byte* const at = record.data() + field.offset;
    out.*field.member = field.width == 8 ? load_be<std::uint64_t>(at) : load_be<std::uint32_t>(at);
  }
  if (rows.guid) {
    std::memcpy(out.guid.raw.data(), record.data() + *rows.guid, out.guid.raw.size());
  }
  if (rows.uuid) {
    std::memcpy(out.uuid.data(), record.data() + *rows.uuid, out.uuid.size());
  }
  if (rows.user_flags) {
    for (std::size_t word = 0; word < kUserFlagWords; ++word) {
      out.user_flags[word] = load_be<std::uint32_t>(record.data() + *rows.user_flags + word * 4);
    }
  }
  out.cache_offset |= static_cast<std::uint64_t>(out.cache_version >> kOffsetHighShift) << 32U;
  out.cache_version &= 0xFFFFU;
  if (rows.nanoseconds) {
    out.internaldate_nsec = static_cast<std::uint32_t>(out.internaldate % kNanoseconds);
    for (const auto member : kRecordTimes) {
      out.*member /= kNanoseconds;
    }
  }
  return out;
}

namespace {

// The record with times, cache offset and cache version as the layout stores them.
Result<IndexRecord> on_disk_values(const IndexRecord& record, unsigned layout) {
  IndexRecord out = record;
  const bool wide = stored_in(layout, &IndexRecord::cache_version);
  if (record.cache_offset > (wide ? kMaxCacheOffset : 0xFFFF'FFFFU)) {
    return make_error(Errc::invalid, fmt::format("cache_offset {} does not fit into index version {}",
                                                 record.cache_offset, layout));
  }
  if (record.cache_version > 0xFFFFU) {
    return make_error(Errc::invalid, fmt::format("cache_version {} is too large", record.cache_version));
  }
  out.cache_version |= static_cast<std::uint32_t>(record.cache_offset >> 32U) << kOffsetHighShift;
  out.cache_offset &= 0xFFFF'FFFFU;
  if (has_nanoseconds(layout)) {
    for (const auto member : kRecordTimes) {
      const bool fraction = member == &IndexRecord::internaldate;
      CYR_TRY(out.*member, to_nanoseconds(record.*member, fraction ? record.internaldate_nsec : 0));
    }
  }
  return out;
}

}  // namespace

Status encode_index_record(const IndexRecord& record, unsigned layout, MutableBytes to) {
  const IndexVersion* version = index_version(layout);
  if (version == nullptr || to.size() < version->record_size) {
    return make_error(Errc::invalid, fmt::format("no room for a record of index version {}", layout));
  }
  to = to.first(version->record_size);
  CYR_TRY(const IndexRecord values, on_disk_values(record, layout));
  CYR_CHECK(store_fields(index_record_fields(), layout, values, to));
  for (const ByteField& bytes : index_record_byte_fields()) {
    if (!bytes.in(layout)) {
      continue;
    }
    std::byte* at = to.data() + bytes.offset;
    if (bytes.name == "guid") {
      std::memcpy(at, record.guid.raw.data(), record.guid.raw.size());
    } else if (bytes.name == "uuid") {
      std::memcpy(at, record.uuid.data(), record.uuid.size());
    } else {
      for (std::size_t word = 0; word < kUserFlagWords; ++word) {
        store_be(at + word * 4, record.user_flags[word]);
      }
    }
  }
  if (version->record_crc_at != 0) {
    store_be(to.data() + version->record_crc_at, crc32(Bytes(to).first(version->record_crc_at)));
  }
  return success();
}

bool record_crc_ok(Bytes record, unsigned layout) {
  const IndexVersion* version = index_version(layout);
  if (version == nullptr || record.size() < version->record_size) {
    return false;
  }
  const std::size_t at = version->record_crc_at;
  return at == 0 || load_be<std::uint32_t>(record.data() + at) == crc32(record.first(at));
}

bool header_crc_ok(Bytes header, unsigned minor_version) {
  const IndexVersion* version = index_version(minor_version);
  if (version == nullptr) {
    return false;
  }
  const std::size_t at = version->header_crc_at;
  return at == 0 ||
         (header.size() >= at + 4 && load_be<std::uint32_t>(header.data() + at) == crc32(header.first(at)));
}

void apply_read_defaults(IndexHeader& header) {
  const unsigned version = header.minor_version;
  header.highestmodseq = std::max<std::uint64_t>(header.highestmodseq, 1);
  if (!stored_in(version, &IndexHeader::deletedmodseq)) {
    header.deletedmodseq = header.highestmodseq;
  }
  if (!stored_in(version, &IndexHeader::exists)) {
    header.exists = header.num_records;
  }
  if (!stored_in(version, &IndexHeader::changes_epoch)) {
    header.changes_epoch = header.last_repack_time;
  }
}

std::vector<std::string> system_flag_names(std::uint32_t system_flags) {
  return names_of(system_flags, system_flag_table(), [](const NamedBit& bit) { return bit.name; });
}
std::vector<std::string> option_names(std::uint32_t options) {
  return names_of(options, option_table(), [](const NamedBit& bit) { return bit.name; });
}

}  // namespace cyr::mailbox

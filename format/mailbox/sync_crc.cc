#include "format/mailbox/sync_crc.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "format/base/crc32.h"
#include "format/base/text.h"
#include "format/mailbox/annotation_record.h"
#include "format/mailbox/index_layout.h"

namespace cyr::mailbox {
namespace {

// The system flags that enter, with the CRC of their lower-case name.
constexpr std::uint32_t kClientFlags =
    flag::answered | flag::flagged | flag::deleted | flag::draft | flag::seen;

struct MaskAndCrc {
  std::uint32_t mask, crc;
};

// Computed once: there may be half a million records.
const std::vector<MaskAndCrc>& system_flag_crcs() {
  static const std::vector<MaskAndCrc> crcs = [] {
    std::vector<MaskAndCrc> out;
    for (const NamedBit& bit : system_flag_table()) {
      if ((bit.mask & kClientFlags) != 0) {
        out.push_back({bit.mask & kClientFlags, crc32(lower_ascii(bit.name))});
      }
    }
    return out;
  }();
  return crcs;
}

std::uint32_t flags_crc(const IndexRecord& record, const std::vector<std::string>& flag_names) {
  std::uint32_t crc = 0;
  for (const MaskAndCrc& flag : system_flag_crcs()) {
    crc ^= (flag.mask & record.system_flags) != 0 ? flag.crc : 0;
  }
  const std::size_t named = std::min<std::size_t>(flag_names.size(), kUserFlagWords * 32);
  for (std::size_t bit = 0; bit < named; ++bit) {
    if (record.user_flag(bit) && !flag_names[bit].empty()) {
      crc ^= crc32(lower_ascii(flag_names[bit]));
    }
  }
  return crc;
}

// Fields of a record that count as annotations under kVendorPrefix.
struct VirtualAnnotation {
  std::string_view entry;
  bool (*in_version)(unsigned version);
  std::string (*value)(const IndexRecord& record, const SyncCrcAnnotStyle& style);  // empty: does not count
};

std::string decimal_or_nothing(std::uint64_t number) {
  return number == 0 ? std::string() : std::to_string(number);
}

constexpr auto kVirtual = std::to_array<VirtualAnnotation>({
    {"thrid", has_cid,
     [](const IndexRecord& record, const SyncCrcAnnotStyle& style) {
       if (record.cid == 0) {
         return std::string();
       }
       return style.padded_cid ? fmt::format("{:016x}", record.cid) : fmt::format("{:x}", record.cid);
     }},
    {"savedate", has_savedate,
     [](const IndexRecord& record, const SyncCrcAnnotStyle&) { return decimal_or_nothing(record.savedate); }},
    {"createdmodseq", has_createdmodseq,
     [](const IndexRecord& record, const SyncCrcAnnotStyle&) {
       return decimal_or_nothing(record.createdmodseq);
     }},
    {"internaldate.nsec", has_nanoseconds,
     [](const IndexRecord& record, const SyncCrcAnnotStyle&) {
       return record.internaldate_nsec > max_nanosecond ? std::string()
                                                        : decimal_or_nothing(record.internaldate_nsec);
     }},
    {"basethrid", has_nanoseconds,
     [](const IndexRecord& record, const SyncCrcAnnotStyle&) {
       return record.basecid == 0 ? std::string() : fmt::format("{:016x}", record.basecid);
     }},
});

// Of formatted text, without a string of its own for each of many records.
template <class... Arguments>
std::uint32_t crc32_of(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  fmt::memory_buffer text;
  fmt::format_to(std::back_inserter(text), format, std::forward<Arguments>(arguments)...);
  return crc32(std::string_view(text.data(), text.size()));
}

// The rows of kVirtual that exist in a version, a bit each.
std::uint32_t virtual_rows_of(unsigned version) {
  static const auto rows = [] {
    std::array<std::uint32_t, kNewestIndexVersion + 1> out{};
    for (unsigned v = 0; v < out.size(); ++v) {
      for (std::size_t row = 0; row < kVirtual.size(); ++row) {
        out[v] |= kVirtual[row].in_version(v) ? 1U << row : 0U;
      }
    }
    return out;
  }();
  return version < rows.size() ? rows[version] : 0;
}

}  // namespace

std::uint32_t sync_crc_basic(const IndexRecord& record, const std::vector<std::string>& flag_names) {
  if (record.has(flag::expunged)) {
    return 0;
  }
  return crc32_of("{} {} {} ({}) {} {}", record.uid, record.modseq, record.last_updated,
                  flags_crc(record, flag_names), record.internaldate, record.guid.hex());
}

std::uint32_t sync_crc_annot(const IndexRecord& record, unsigned version, const SyncCrcAnnotStyle& style) {
  std::uint32_t crc = 0;
  if (record.has(flag::expunged)) {
    return crc;
  }
  const std::uint32_t rows = virtual_rows_of(version);
  for (std::size_t row = 0; row < kVirtual.size(); ++row) {
    const std::string value = (rows >> row & 1U) != 0 ? kVirtual[row].value(record, style) : std::string();
    if (!value.empty()) {
      crc ^= crc32_of("{} {}{}  {}", record.uid, kVendorPrefix, kVirtual[row].entry, value);
    }
  }
  return crc;
}

bool is_virtual_annotation(std::string_view entry, unsigned version) {
  if (!entry.starts_with(kVendorPrefix)) {
    return false;
  }
  entry.remove_prefix(kVendorPrefix.size());
  return std::any_of(kVirtual.begin(), kVirtual.end(), [&](const VirtualAnnotation& annotation) {
    return annotation.entry == entry && annotation.in_version(version);
  });
}

std::uint32_t sync_crc_annotation(std::uint32_t uid, std::string_view entry, std::string_view userid,
                                  std::string_view value, unsigned version) {
  return is_virtual_annotation(entry, version) ? 0 : crc32(value, crc32_of("{} {} {} ", uid, entry, userid));
}

void IndexTotals::add(const IndexRecord& record) {
  ++records;
  last_uid = std::max(last_uid, record.uid);
  highestmodseq = std::max(highestmodseq, record.modseq);
  const bool is_unlinked = record.has(flag::unlinked);
  unlinked += is_unlinked ? 1 : 0;
  if (record.has(flag::expunged)) {
    ++expunged;
    quota_expunged_used += is_unlinked ? 0 : record.size;
    return;
  }
  ++exists;
  deleted += record.has(flag::deleted) ? 1 : 0;
  answered += record.has(flag::answered) ? 1 : 0;
  flagged += record.has(flag::flagged) ? 1 : 0;
  unseen += record.has(flag::seen) ? 0 : 1;
  quota_mailbox_used += record.size;
  quota_deleted_used += record.has(flag::deleted) ? record.size : 0;
  sync_basic ^= sync_crc_basic(record, *flag_names_);
  sync_annot ^= sync_crc_annot(record, version_, style_);
}

void IndexTotals::add_annotation(std::uint32_t uid, std::string_view entry, std::string_view userid,
                                 std::string_view value) {
  annotation_bytes += value.size();
  sync_annot ^= sync_crc_annotation(uid, entry, userid, value, version_);
}

void IndexTotals::add(const IndexTotals& other) {
  for (const auto count :
       {&IndexTotals::records, &IndexTotals::exists, &IndexTotals::deleted, &IndexTotals::answered,
        &IndexTotals::flagged, &IndexTotals::unseen, &IndexTotals::expunged, &IndexTotals::unlinked}) {
    this->*count += other.*count;
  }
  for (const auto size : {&IndexTotals::quota_mailbox_used, &IndexTotals::quota_deleted_used,
                          &IndexTotals::quota_expunged_used, &IndexTotals::annotation_bytes}) {
    this->*size += other.*size;
  }
  last_uid = std::max(last_uid, other.last_uid);
  highestmodseq = std::max(highestmodseq, other.highestmodseq);
  sync_basic ^= other.sync_basic;
  sync_annot ^= other.sync_annot;
}

void IndexTotals::apply(IndexHeader& header) const {
  header.deleted = deleted;
  header.answered = answered;
  header.flagged = flagged;
  header.exists = exists;
  header.unseen = unseen;
  header.quota_mailbox_used = quota_mailbox_used;
  header.quota_deleted_used = quota_deleted_used;
  header.quota_expunged_used = quota_expunged_used;
  header.sync_crc_basic = sync_basic;
  header.sync_crc_annot = style_.initial ^ sync_annot;
  header.last_uid = std::max(header.last_uid, last_uid);
  header.highestmodseq = std::max(header.highestmodseq, highestmodseq);
}

}  // namespace cyr::mailbox

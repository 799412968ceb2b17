#include "format/mailbox/index_layout.h"

#include <algorithm>
#include <array>

namespace cyr::mailbox {
namespace {

using H = IndexHeader;
using R = IndexRecord;

// name, offset, first version, last version, member, bytes on disk. A field that moved has a row per place.
constexpr auto kHeaderFields = std::to_array<Field<IndexHeader>>({
    {"generation_no", 0, 2, 20, &H::generation_no, 4},
    {"format", 4, 2, 20, &H::format, 4},
    {"minor_version", 8, 2, 20, &H::minor_version, 4},
    {"start_offset", 12, 2, 20, &H::start_offset, 4},
    {"record_size", 16, 2, 20, &H::record_size, 4},
    {"num_records", 20, 2, 20, &H::num_records, 4},
    {"last_appenddate", 24, 2, 19, &H::last_appenddate, 4},
    {"last_appenddate", 24, 20, 20, &H::last_appenddate, 8},
    {"last_uid", 28, 2, 19, &H::last_uid, 4},
    {"last_uid", 88, 20, 20, &H::last_uid, 4},
    {"quota_mailbox_used", 32, 2, 5, &H::quota_mailbox_used, 4},
    {"quota_mailbox_used", 32, 6, 20, &H::quota_mailbox_used, 8},
    {"pop3_last_login", 36, 2, 5, &H::pop3_last_login, 4},
    {"pop3_last_login", 40, 6, 19, &H::pop3_last_login, 4},
    {"pop3_last_login", 40, 20, 20, &H::pop3_last_login, 8},
    {"uidvalidity", 40, 2, 5, &H::uidvalidity, 4},
    {"uidvalidity", 44, 6, 19, &H::uidvalidity, 4},
    {"uidvalidity", 92, 20, 20, &H::uidvalidity, 4},
    {"deleted", 44, 3, 5, &H::deleted, 4},
    {"deleted", 48, 6, 20, &H::deleted, 4},
    {"answered", 48, 3, 5, &H::answered, 4},
    {"answered", 52, 6, 20, &H::answered, 4},
    {"flagged", 52, 3, 5, &H::flagged, 4},
    {"flagged", 56, 6, 20, &H::flagged, 4},
    {"options", 56, 4, 5, &H::options, 4},
    {"options", 60, 6, 18, &H::options, 4},
    {"options", 64, 19, 20, &H::options, 4},
    {"leaked_cache_records", 60, 5, 5, &H::leaked_cache_records, 4},
    {"leaked_cache_records", 64, 6, 18, &H::leaked_cache_records, 4},
    {"leaked_cache_records", 68, 19, 20, &H::leaked_cache_records, 4},
    {"highestmodseq", 68, 8, 18, &H::highestmodseq, 8},
    {"highestmodseq", 72, 19, 20, &H::highestmodseq, 8},
    {"deletedmodseq", 76, 12, 18, &H::deletedmodseq, 8},
    {"deletedmodseq", 80, 19, 20, &H::deletedmodseq, 8},
    {"exists", 84, 12, 18, &H::exists, 4},
    {"exists", 60, 19, 20, &H::exists, 4},
    {"first_expunged", 88, 12, 19, &H::first_expunged, 4},
    {"first_expunged", 168, 20, 20, &H::first_expunged, 8},
    {"last_repack_time", 92, 12, 19, &H::last_repack_time, 4},
    {"last_repack_time", 176, 20, 20, &H::last_repack_time, 8},
    {"header_file_crc", 96, 12, 20, &H::header_file_crc, 4},
    {"sync_crc_basic", 100, 12, 20, &H::sync_crc_basic, 4},
    {"recentuid", 104, 12, 19, &H::recentuid, 4},
    {"recentuid", 184, 20, 20, &H::recentuid, 4},
    {"recenttime", 108, 12, 19, &H::recenttime, 4},
    {"recenttime", 104, 20, 20, &H::recenttime, 8},
    {"pop3_show_after", 112, 13, 19, &H::pop3_show_after, 4},
    {"pop3_show_after", 112, 20, 20, &H::pop3_show_after, 8},
    {"quota_annot_used", 116, 13, 19, &H::quota_annot_used, 4},
    {"quota_annot_used", 152, 20, 20, &H::quota_annot_used, 8},
    {"sync_crc_annot", 120, 13, 20, &H::sync_crc_annot, 4},
    {"unseen", 124, 14, 20, &H::unseen, 4},
    {"createdmodseq", 128, 16, 20, &H::createdmodseq, 8},
    {"changes_epoch", 136, 17, 18, &H::changes_epoch, 4},
    {"changes_epoch", 152, 19, 19, &H::changes_epoch, 4},
    {"changes_epoch", 160, 20, 20, &H::changes_epoch, 8},
    {"quota_deleted_used", 140, 18, 18, &H::quota_deleted_used, 8},
    {"quota_deleted_used", 136, 19, 20, &H::quota_deleted_used, 8},
    {"quota_expunged_used", 148, 18, 18, &H::quota_expunged_used, 8},
    {"quota_expunged_used", 144, 19, 20, &H::quota_expunged_used, 8},
    {"header_crc", 124, 12, 13, &H::header_crc, 4},
    {"header_crc", 156, 14, 19, &H::header_crc, 4},
    {"header_crc", 188, 20, 20, &H::header_crc, 4},
});

constexpr auto kRecordFields = std::to_array<Field<IndexRecord>>({
    {"uid", 0, 2, 20, &R::uid, 4},
    {"internaldate", 4, 2, 19, &R::internaldate, 4},
    {"internaldate", 8, 20, 20, &R::internaldate, 8},
    {"sentdate", 8, 2, 19, &R::sentdate, 4},
    {"sentdate", 16, 20, 20, &R::sentdate, 8},
    {"size", 12, 2, 19, &R::size, 4},
    {"size", 24, 20, 20, &R::size, 8},
    {"header_size", 16, 2, 19, &R::header_size, 4},
    {"header_size", 32, 20, 20, &R::header_size, 4},
    {"content_offset", 20, 2, 10, &R::content_offset, 4},
    {"gmtime", 20, 12, 19, &R::gmtime, 4},
    {"gmtime", 104, 20, 20, &R::gmtime, 8},
    {"cache_offset", 24, 2, 19, &R::cache_offset, 4},
    {"cache_offset", 4, 20, 20, &R::cache_offset, 4},
    {"last_updated", 28, 2, 19, &R::last_updated, 4},
    {"last_updated", 112, 20, 20, &R::last_updated, 8},
    {"system_flags", 32, 2, 19, &R::system_flags, 4},
    {"system_flags", 36, 20, 20, &R::system_flags, 4},
    {"content_lines", 52, 5, 14, &R::content_lines, 4},
    {"savedate", 52, 15, 19, &R::savedate, 4},
    {"savedate", 120, 20, 20, &R::savedate, 8},
    {"cache_version", 56, 6, 20, &R::cache_version, 4},
    {"modseq", 72, 8, 9, &R::modseq, 8},
    {"modseq", 80, 10, 20, &R::modseq, 8},
    {"cid", 88, 13, 20, &R::cid, 8},
    {"createdmodseq", 96, 16, 20, &R::createdmodseq, 8},
    {"basecid", 128, 20, 20, &R::basecid, 8},
    {"cache_crc", 88, 12, 12, &R::cache_crc, 4},
    {"cache_crc", 96, 13, 15, &R::cache_crc, 4},
    {"cache_crc", 104, 16, 19, &R::cache_crc, 4},
    {"cache_crc", 136, 20, 20, &R::cache_crc, 4},
    {"record_crc", 92, 12, 12, &R::record_crc, 4},
    {"record_crc", 100, 13, 15, &R::record_crc, 4},
    {"record_crc", 108, 16, 19, &R::record_crc, 4},
    {"record_crc", 140, 20, 20, &R::record_crc, 4},
});

constexpr auto kRecordBytes = std::to_array<ByteField>({
    {"user_flags", 36, 2, 19, 16},
    {"user_flags", 40, 20, 20, 16},
    {"uuid", 60, 7, 9, 12},
    {"guid", 60, 10, 20, 20},
});

template <class S, std::size_t N>
constexpr std::uint16_t place_of(const std::array<Field<S>, N>& fields, std::string_view name,
                                 unsigned version) {
  for (const auto& field : fields) {
    if (field.in(version) && field.name == name) {
      return field.offset;
    }
  }
  return 0;
}

constexpr IndexVersion row(std::uint8_t minor, std::uint16_t header, std::uint16_t record, std::uint8_t cache,
                           std::string_view releases) {
  return {minor,
          header,
          record,
          place_of(kHeaderFields, "header_crc", minor),
          place_of(kRecordFields, "record_crc", minor),
          cache,
          releases};
}

constexpr auto kVersions = std::to_array<IndexVersion>({
    row(2, 44, 52, 0, "1.x"),
    row(3, 56, 52, 0, "1.6.24, 2.0.0-2.1.3"),
    row(4, 76, 52, 0, "2.1.4-2.1.15, 2.2.0"),
    row(5, 76, 56, 0, "2.2.1"),
    row(6, 76, 60, 2, "2.1.16-2.1.18, 2.2.2-2.2.13"),
    row(7, 76, 72, 2, "2.3.0-2.3.3"),
    row(8, 92, 80, 2, "2.3.4-2.3.6"),
    row(9, 96, 80, 2, "2.3.7-2.3.9"),
    row(10, 96, 88, 2, "2.3.10-2.3.20"),
    row(12, 128, 96, 3, "2.4"),
    row(13, 128, 104, 6, "2.5, 3.0"),
    row(14, 160, 104, 6, "3.1.4"),
    row(15, 160, 104, 9, "between 3.1.4 and 3.1.5"),
    row(16, 160, 112, 10, "3.1.5-3.1.9, 3.2"),
    row(17, 160, 112, 11, "3.3, 3.4, 3.6, 3.8"),
    row(18, 160, 112, 11, "development only"),
    row(19, 160, 112, 13, "3.10, 3.12"),
    row(20, 192, 144, 14, "3.13 development"),
});

constexpr bool bytes_fit(const ByteField& bytes, unsigned version, std::size_t size) {
  if (!bytes.in(version)) {
    return true;
  }
  if (bytes.offset + bytes.width > size) {
    return false;
  }
  return std::none_of(kRecordFields.begin(), kRecordFields.end(), [&](const Field<IndexRecord>& field) {
    return field.in(version) && field.offset < bytes.offset + bytes.width &&
           bytes.offset < field.offset + field.width;
  });
}
constexpr bool covers_all_but_crc(const IndexVersion& version) {
  // The CRC is the last field and covers everything before it.
  return (version.header_crc_at == 0 || version.header_crc_at == version.header_size - 4) &&
         (version.record_crc_at == 0 || version.record_crc_at == version.record_size - 4);
}
constexpr bool tables_are_sound() {
  unsigned last = 0;
  for (const IndexVersion& version : kVersions) {
    const bool fits = fields_fit(kHeaderFields, version.minor, version.header_size) &&
                      fields_fit(kRecordFields, version.minor, version.record_size) &&
                      std::all_of(kRecordBytes.begin(), kRecordBytes.end(), [&](const ByteField& bytes) {
                        return bytes_fit(bytes, version.minor, version.record_size);
                      });
    if (!fits || !covers_all_but_crc(version) || version.minor <= last ||
        version.header_size > kMaxIndexHeaderSize || version.record_size > kMaxIndexRecordSize) {
      return false;
    }
    last = version.minor;
  }
  return true;
}
static_assert(tables_are_sound(), "a field overlaps another or lies outside its structure");

constexpr auto kSystemFlags = std::to_array<NamedBit>({
    {flag::answered, "\\Answered", "FLAG_ANSWERED"},
    {flag::flagged, "\\Flagged", "FLAG_FLAGGED"},
    {flag::deleted, "\\Deleted", "FLAG_DELETED"},
    {flag::draft, "\\Draft", "FLAG_DRAFT"},
    {flag::seen, "\\Seen", "FLAG_SEEN"},
    {flag::snoozed, "SNOOZED", "FLAG_INTERNAL_SNOOZED"},
    {flag::split_conversation, "SPLITCONVERSATION", "FLAG_INTERNAL_SPLITCONVERSATION"},
    {flag::needs_cleanup, "NEEDS_CLEANUP", "FLAG_INTERNAL_NEEDS_CLEANUP"},
    {flag::archived, "ARCHIVED", "FLAG_INTERNAL_ARCHIVED"},
    {flag::unlinked, "UNLINKED", "FLAG_INTERNAL_UNLINKED"},
    {flag::expunged, "EXPUNGED", "FLAG_INTERNAL_EXPUNGED"},
});

constexpr auto kOptions = std::to_array<NamedBit>({
    {option::pop3_new_uidl, "POP3_NEW_UIDL", "POP3_NEW_UIDL"},
    {option::imap_condstore, "IMAP_CONDSTORE", "IMAP_CONDSTORE"},
    {option::imap_sharedseen, "IMAP_SHAREDSEEN", "IMAP_SHAREDSEEN"},
    {option::imap_duplicatedeliver, "IMAP_DUPDELIVER", "IMAP_DUPLICATEDELIVER"},
    {option::imap_has_alarms, "IMAP_HAS_ALARMS", "IMAP_HAS_ALARMS"},
    {option::needs_unlink, "NEEDS_UNLINK", "NEEDS_UNLINK"},
    {option::needs_repack, "NEEDS_REPACK", "NEEDS_REPACK"},
    {option::deleted, "DELETED", "DELETED"},
});

template <class S, std::size_t N, class Member>
bool any_row(const std::array<Field<S>, N>& fields, unsigned version, const Member& member) {
  return std::any_of(fields.begin(), fields.end(),
                     [&](const Field<S>& field) { return field.in(version) && field.member == member; });
}
bool any_bytes(unsigned version, std::string_view name) {
  return std::any_of(kRecordBytes.begin(), kRecordBytes.end(),
                     [&](const ByteField& bytes) { return bytes.in(version) && bytes.name == name; });
}

}  // namespace

const IndexVersion* index_version(unsigned minor) {
  const auto* const found = std::find_if(kVersions.begin(), kVersions.end(),
                                         [&](const IndexVersion& version) { return version.minor == minor; });
  return found == kVersions.end() ? nullptr : found;
}

std::span<const IndexVersion> index_versions() { return kVersions; }
std::span<const Field<IndexHeader>> index_header_fields() { return kHeaderFields; }
std::span<const Field<IndexRecord>> index_record_fields() { return kRecordFields; }
std::span<const ByteField> index_record_byte_fields() { return kRecordBytes; }
std::span<const NamedBit> system_flag_table() { return kSystemFlags; }
std::span<const NamedBit> option_table() { return kOptions; }

bool stored_in(unsigned version,
               std::variant<std::uint32_t IndexHeader::*, std::uint64_t IndexHeader::*> member) {
  return any_row(kHeaderFields, version, member);
}
bool stored_in(unsigned version,
               std::variant<std::uint32_t IndexRecord::*, std::uint64_t IndexRecord::*> member) {
  return any_row(kRecordFields, version, member);
}

bool has_modseq(unsigned version) { return stored_in(version, &IndexRecord::modseq); }
bool has_guid(unsigned version) { return any_bytes(version, "guid"); }
bool has_uuid(unsigned version) { return any_bytes(version, "uuid"); }
bool has_record_crc(unsigned version) { return stored_in(version, &IndexRecord::record_crc); }
bool has_sync_crc_annot(unsigned version) { return stored_in(version, &IndexHeader::sync_crc_annot); }
bool has_cid(unsigned version) { return stored_in(version, &IndexRecord::cid); }
bool has_savedate(unsigned version) { return stored_in(version, &IndexRecord::savedate); }
bool has_createdmodseq(unsigned version) { return stored_in(version, &IndexRecord::createdmodseq); }
bool has_nanoseconds(unsigned version) { return stored_in(version, &IndexRecord::basecid); }

}  // namespace cyr::mailbox

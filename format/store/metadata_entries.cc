#include "format/store/metadata_entries.h"

#include <algorithm>
#include <array>

#include "format/base/text.h"
#include "format/mailbox/annotation_record.h"
#include "format/mailbox/index.h"
#include "format/store/refusal.h"

namespace cyr::store {

namespace {

using Place = MetadataPlace;
using Type = MetadataType;
namespace option = mailbox::option;

// In the order in which 3.6.1 tells them.
constexpr std::array mailbox_entries = {
    MetadataRow{"/vendor/cmu/cyrus-imapd/uniqueid", Type::string, Place::computed},
    MetadataRow{"/vendor/cmu/cyrus-imapd/synccrcs", Type::string, Place::computed},
    MetadataRow{"/vendor/cmu/cyrus-imapd/squat", Type::boolean},
    MetadataRow{"/vendor/cmu/cyrus-imapd/sortorder", Type::number, Place::database, true, true},
    MetadataRow{"/vendor/cmu/cyrus-imapd/size", Type::string, Place::computed},
    MetadataRow{"/vendor/cmu/cyrus-imapd/sieve"},
    MetadataRow{"/vendor/cmu/cyrus-imapd/sharedseen", Type::boolean, Place::option, true, false,
                option::imap_sharedseen},
    MetadataRow{"/vendor/cmu/cyrus-imapd/search-fuzzy-always"},
    MetadataRow{"/vendor/cmu/cyrus-imapd/pop3showafter", Type::string, Place::date},
    MetadataRow{"/vendor/cmu/cyrus-imapd/pop3newuidl", Type::boolean, Place::option, true, false,
                option::pop3_new_uidl},
    MetadataRow{"/vendor/cmu/cyrus-imapd/partition", Type::string, Place::computed},
    MetadataRow{"/vendor/cmu/cyrus-imapd/news2mail"},
    MetadataRow{"/vendor/cmu/cyrus-imapd/lastupdate", Type::string, Place::computed},
    MetadataRow{"/vendor/cmu/cyrus-imapd/foldermodseq", Type::string, Place::computed},
    MetadataRow{"/vendor/cmu/cyrus-imapd/hasalarms", Type::boolean, Place::computed},
    MetadataRow{"/vendor/cmu/cyrus-imapd/lastpop", Type::string, Place::computed},
    MetadataRow{"/vendor/cmu/cyrus-imapd/expire", Type::number},
    MetadataRow{"/vendor/cmu/cyrus-imapd/duplicatedeliver", Type::boolean, Place::option, true, false,
                option::imap_duplicatedeliver},
    MetadataRow{"/vendor/cmu/cyrus-imapd/delete", Type::number},
    MetadataRow{"/vendor/cmu/cyrus-imapd/archive", Type::number},
    MetadataRow{"/vendor/cmu/cyrus-imapd/annotsize", Type::string, Place::computed},
    MetadataRow{"/thread", Type::string, Place::database, true, true},
    MetadataRow{"/specialuse", Type::special_use, Place::database, false, true},
    MetadataRow{"/sort", Type::string, Place::database, true, true},
    MetadataRow{"/comment", Type::string, Place::database, true, true},
    MetadataRow{"/checkperiod", Type::number, Place::database, true, true},
    MetadataRow{"/check", Type::boolean, Place::database, true, true},
};

constexpr std::array server_entries = {
    MetadataRow{"/vendor/cmu/cyrus-imapd/squat", Type::boolean},
    MetadataRow{"/vendor/cmu/cyrus-imapd/shutdown", Type::string, Place::file},
    MetadataRow{"/vendor/cmu/cyrus-imapd/freespace/percent/most", Type::string, Place::computed},
    MetadataRow{"/vendor/cmu/cyrus-imapd/freespace/total", Type::string, Place::computed},
    MetadataRow{"/vendor/cmu/cyrus-imapd/freespace", Type::string, Place::computed},
    MetadataRow{"/vendor/cmu/cyrus-imapd/expire", Type::number},
    MetadataRow{"/vendor/cmu/cyrus-imapd/usercounters", Type::string, Place::computed, false, true},
    MetadataRow{"/vendor/cmu/cyrus-imapd/usermodseq", Type::string, Place::computed, false, true},
    MetadataRow{"/motd", Type::string, Place::file},
    MetadataRow{"/comment", Type::string, Place::database, true, true},
    MetadataRow{"/admin"},
};

constexpr std::string_view own_prefix = mailbox::kVendorPrefix;

}  // namespace

std::span<const MetadataRow> mailbox_metadata_rows() { return mailbox_entries; }
std::span<const MetadataRow> server_metadata_rows() { return server_entries; }

std::optional<MetadataRow> metadata_row(std::span<const MetadataRow> rows, std::string_view entry,
                                        bool allow_undefined) {
  const auto found =
      std::find_if(rows.begin(), rows.end(), [entry](const MetadataRow& row) { return row.entry == entry; });
  if (found != rows.end()) {
    return *found;
  }
  const bool shaped = entry.size() > 1 && entry.front() == '/' && entry.back() != '/' &&
                      entry.find_first_of(std::string_view("*%\0\r\n", 5)) == std::string_view::npos &&
                      entry.find("//") == std::string_view::npos;
  if (!allow_undefined || !shaped || entry.starts_with(own_prefix)) {
    return {};
  }
  return MetadataRow{entry, Type::string, Place::database, true, true};
}

Status check_metadata_value(const MetadataRow& row, std::string_view value) {
  const bool good = row.type == Type::boolean  ? value == "true" || value == "false"
                    : row.type == Type::number ? parse_number<std::uint32_t>(value).has_value()
                                               : true;
  return good ? success() : Status(refuse(Refusal::annotation_value));
}

}  // namespace cyr::store

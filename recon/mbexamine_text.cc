// The dump as text, in the words and columns of mbexamine 3.6.1. What that program cannot show is added on
// lines of its own: "  DAMAGE: " in the header blocks and "      > DAMAGE: " below a record; never with
// --classic.
#include <fmt/core.h>
#include <fmt/format.h>

#include <ctime>

#include "format/base/text.h"
#include "format/cli/printer.h"
#include "format/mailbox/index_layout.h"
#include "recon/mbexamine_report.h"

namespace cyr::mbexamine {
namespace {

using mailbox::CacheItem;
using mailbox::IndexHeader;
using mailbox::IndexRecord;

constexpr std::uint32_t kInternalFlags = 0xFFFF0000;

struct ShownBit {
  std::uint32_t mask;
  std::string_view label;
};
// In the order in which 3.6.1 prints them.
constexpr auto kInternal = std::to_array<ShownBit>({
    {mailbox::flag::expunged, "FLAG_INTERNAL_EXPUNGED"},
    {mailbox::flag::unlinked, "FLAG_INTERNAL_UNLINKED"},
    {mailbox::flag::archived, "FLAG_INTERNAL_ARCHIVED"},
    {mailbox::flag::needs_cleanup, "FLAG_INTERNAL_NEEDS_CLEANUP"},
    {mailbox::flag::snoozed, "FLAG_INTERNAL_SNOOZED"},
});
constexpr auto kSystem = std::to_array<ShownBit>({
    {mailbox::flag::seen, "FLAG_SEEN"},
    {mailbox::flag::draft, "FLAG_DRAFT"},
    {mailbox::flag::deleted, "FLAG_DELETED"},
    {mailbox::flag::flagged, "FLAG_FLAGGED"},
    {mailbox::flag::answered, "FLAG_ANSWERED"},
});
constexpr auto kOptions = std::to_array<ShownBit>({
    {mailbox::option::pop3_new_uidl, "POP3_NEW_UIDL"},
    {mailbox::option::imap_sharedseen, "IMAP_SHAREDSEEN"},
    {mailbox::option::imap_duplicatedeliver, "IMAP_DUPDELIVER"},
    {mailbox::option::imap_has_alarms, "IMAP_HAS_ALARMS"},
});
constexpr auto kTextItems = std::to_array<std::pair<std::string_view, CacheItem>>({
    {"Envel", CacheItem::envelope},
    {"BdyStr", CacheItem::bodystructure},
    {"Body", CacheItem::body},
    {"CacHdr", CacheItem::headers},
    {"From", CacheItem::from},
    {"To", CacheItem::to},
    {"Cc", CacheItem::cc},
    {"Bcc", CacheItem::bcc},
    {"Subjct", CacheItem::subject},
});

template <std::size_t N>
std::string labels(std::uint32_t bits, const std::array<ShownBit, N>& table) {
  std::string out;
  for (const ShownBit& bit : table) {
    if ((bits & bit.mask) != 0) {
      out += ' ';
      out += bit.label;
    }
  }
  return out;
}

void put_damage(std::string_view indent, const std::vector<std::string>& damage, const Options& options) {
  if (options.classic) {
    return;
  }
  for (const std::string& what : damage) {
    put(fmt::format("{}DAMAGE: {}\n", indent, printable(what)));
  }
}

void put_mailbox_header(const ExaminedMailbox& mailbox) {
  const mailbox::MailboxHeader& header = mailbox.header();
  const meta::MailboxEntry& entry = mailbox.entry();
  put(" Mailbox Header Info:\n");
  put(fmt::format("  Path to mailbox: {}\n", mailbox.files().data.string()));
  // mailboxes.db is the truth about ACL and unique id; the header's are used where it has none.
  put(fmt::format("  Mailbox ACL: {}\n", entry.acl ? *entry.acl : header.acl.value_or("")));
  put(fmt::format("  Unique ID: {}\n", header.uniqueid.empty() ? entry.uniqueid : header.uniqueid));
  put("  User Flags: ");
  bool any = false;
  for (const std::string& name : header.flags) {
    if (!name.empty()) {
      put(name + ' ');
      any = true;
    }
  }
  put(any ? "\n" : "[none]\n");
}

void put_index_header(const IndexHeader& header) {
  put(fmt::format("\n Index Header Info:\n  Generation Number: {}\n  Minor Version: {}\n",
                  header.generation_no, header.minor_version));
  put(fmt::format("  Header Size: {} bytes  Record Size: {} bytes\n", header.start_offset,
                  header.record_size));
  put(fmt::format("  Number of Messages: {}  Mailbox Size: {} bytes  Annotations Size: {} bytes\n",
                  header.exists, header.quota_mailbox_used, header.quota_annot_used));
  if (mailbox::stored_in(header.minor_version, &IndexHeader::quota_deleted_used)) {
    put(fmt::format("    Deleted Size: {} bytes  Expunged Size: {} bytes\n", header.quota_deleted_used,
                    header.quota_expunged_used));
  }
  put(fmt::format("  Last Append Date: ({}) {}\n", header.last_appenddate,
                  cli::ctime_text(header.last_appenddate)));
  put(fmt::format("  UIDValidity: {}  Last UID: {}\n", header.uidvalidity, header.last_uid));
  put(fmt::format("  Deleted: {}  Answered: {}  Flagged: {}\n", header.deleted, header.answered,
                  header.flagged));
  // An empty mailbox has POP3_NEW_UIDL whatever the file says.
  const std::uint32_t bits = header.options | (header.exists == 0 ? mailbox::option::pop3_new_uidl : 0);
  const std::string words = labels(bits, kOptions);
  put(fmt::format("  Mailbox Options:{}\n", words.empty() ? " NONE" : words));
  put(fmt::format("  Last POP3 Login: ({}) {}\n", header.pop3_last_login,
                  cli::ctime_text(header.pop3_last_login)));
  put(fmt::format("  Highest Mod Sequence: {}\n", header.highestmodseq));
  put("\n Message Info:\n");
}

void put_record(const ExaminedMessage& message, unsigned layout, const Options& options) {
  const IndexRecord& record = message.entry.record;
  const std::uint32_t number = options.classic ? 1 : message.sequence;
  put(fmt::format("{:06}> UID:{:08}   INT_DATE:{} SENTDATE:{} SAVEDATE:{} SIZE:{:<6}\n", number, record.uid,
                  record.internaldate, record.sentdate, record.savedate, record.size));
  put(fmt::format("      > HDRSIZE:{:<6} LASTUPD :{} SYSFLAGS:{:08X}", record.header_size,
                  record.last_updated, record.system_flags & ~kInternalFlags));
  put(fmt::format("      > CACHEVER:{:<2}", record.cache_version));
  if (mailbox::has_guid(layout) || mailbox::has_uuid(layout)) {  // v7-v9: all zero
    put(fmt::format(" GUID:{}", record.guid.hex()));
  }
  if (mailbox::has_modseq(layout)) {
    put(fmt::format(" MODSEQ:{}", record.modseq));
  }
  if (mailbox::has_cid(layout)) {
    put(fmt::format("  THRID: {:x}", record.cid));
  }
  put(fmt::format("\n      > INTERNALFLAGS:{}", labels(record.system_flags, kInternal)));
  put(fmt::format("      > SYSTEMFLAGS:{}\n", labels(record.system_flags, kSystem)));
  const auto& flags = record.user_flags;
  put(fmt::format("      > USERFLAGS: {:08X} {:08X} {:08X} {:08X}\n", flags[3], flags[2], flags[1],
                  flags[0]));
  if (options.all) {
    put(fmt::format("      > RECORD:{} OFFSET:{} CACHEOFFSET:{}{}\n", message.entry.recno,
                    message.entry.offset, record.cache_offset, message.expunged() ? " EXPUNGED" : ""));
  }
  put_damage("      > ", message.damage, options);
}

// False when something is wrong with the cache.
bool put_items(ExaminedMailbox& mailbox, const IndexRecord& record, const Options& options) {
  const auto items = mailbox.cached_items(record);
  if (!items) {
    put_damage("      > ", {items.error().text()}, options);
    return false;
  }
  if (!items->trouble().empty()) {
    put_damage("      > ", {items->trouble() + "; shown from the message file"}, options);
  }
  for (const auto& [label, which] : kTextItems) {
    const std::string_view text = items->item(which);
    put(fmt::format(" {}>{{{}}}", label, text.size()));
    put(text);
    put("\n");
  }
  return items->trouble().empty();
}

}  // namespace

bool wanted(const ExaminedMessage& message, const Options& options) {
  // A broken record is never hidden: its EXPUNGED bit may be what is broken.
  const bool broken = !message.damage.empty() && !options.classic;
  if (message.expunged() && !options.all && !broken) {
    return false;
  }
  if (options.uid && message.entry.record.uid != *options.uid) {
    return false;
  }
  // 3.6.1 does not count, so that every message is its first one.
  return !options.sequence || *options.sequence == (options.classic ? 1 : message.sequence);
}

Outcome show_text(ExaminedMailbox& mailbox, const Options& options) {
  put(fmt::format("Examining {}...", mailbox.external_name()));
  if (options.classic && !mailbox.strictly_readable()) {
    return Outcome::damaged;
  }
  put_mailbox_header(mailbox);
  put_damage("  ", mailbox.damage(), options);
  if (!mailbox.index()) {
    return Outcome::damaged;
  }
  put_index_header(*mailbox.index());
  const std::size_t damage_before = mailbox.damage().size();
  bool sound = damage_before == 0;
  bool found = false;
  ExaminedMessage message;
  for (;;) {
    const auto more = mailbox.next(message);
    if (!more || !*more) {
      break;
    }
    sound = sound && message.damage.empty();
    if (!wanted(message, options)) {
      continue;
    }
    found = true;
    put_record(message, mailbox.record_layout(), options);
    sound = put_items(mailbox, message.entry.record, options) && sound;
    if (options.uid || options.sequence) {
      break;
    }
  }
  if ((options.uid || options.sequence) && !found) {
    put("Desired message not found\n");
    return Outcome::not_found;
  }
  const auto& damage = mailbox.damage();
  put_damage("  ", {damage.begin() + static_cast<std::ptrdiff_t>(damage_before), damage.end()}, options);
  return sound && damage.size() == damage_before ? Outcome::fine : Outcome::damaged;
}

}  // namespace cyr::mbexamine

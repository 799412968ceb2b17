// The dump as JSON lines, for programs. Every stored field of header and record goes out under its own name,
// walked from the layout tables, so that a field of a new index version appears by itself.
#include <variant>

#include "format/cli/printer.h"
#include "format/mailbox/index_layout.h"
#include "recon/mbexamine_report.h"

namespace cyr::mbexamine {
namespace {

using cli::JsonLine;
using mailbox::CacheItem;

constexpr auto kItems = std::to_array<std::pair<std::string_view, CacheItem>>({
    {"envelope", CacheItem::envelope},
    {"bodystructure", CacheItem::bodystructure},
    {"body", CacheItem::body},
    {"headers", CacheItem::headers},
    {"from", CacheItem::from},
    {"to", CacheItem::to},
    {"cc", CacheItem::cc},
    {"bcc", CacheItem::bcc},
    {"subject", CacheItem::subject},
});

template <class S>
void add_fields(JsonLine& line, std::span<const Field<S>> fields, unsigned version, const S& from) {
  for (const Field<S>& field : fields) {
    if (field.in(version)) {
      line.add(field.name,
               std::visit([&](auto member) { return std::uint64_t{from.*member}; }, field.member));
    }
  }
}

std::vector<std::string> user_flag_names(const mailbox::IndexRecord& record,
                                         const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (std::size_t bit = 0; bit < mailbox::kMaxUserFlags; ++bit) {
    if (record.user_flag(bit)) {
      out.push_back(bit < names.size() && !names[bit].empty() ? names[bit] : "#" + std::to_string(bit));
    }
  }
  return out;
}

void print_mailbox(const ExaminedMailbox& mailbox) {
  const mailbox::MailboxHeader& header = mailbox.header();
  JsonLine line;
  line.add("type", "mailbox").add("mailbox", mailbox.external_name());
  line.add("path", mailbox.files().data.string());
  line.add("uniqueid", header.uniqueid.empty() ? mailbox.entry().uniqueid : header.uniqueid);
  line.add("acl", mailbox.entry().acl ? *mailbox.entry().acl : header.acl.value_or(""));
  line.add("quotaroot", header.quotaroot.value_or(""));
  line.add("user_flags", header.flags);
  if (const auto& index = mailbox.index(); index) {
    add_fields(line, mailbox::index_header_fields(), index->minor_version, *index);
    line.add("option_names", mailbox::option_names(index->options));
  }
  line.add("damage", mailbox.damage());
  line.print();
}

// False when something is wrong with the cache.
bool print_message(ExaminedMailbox& mailbox, const ExaminedMessage& message) {
  const mailbox::IndexRecord& record = message.entry.record;
  JsonLine line;
  line.add("type", "message").add("mailbox", mailbox.external_name());
  line.add("sequence", std::uint64_t{message.sequence});
  line.add("record", std::uint64_t{message.entry.recno}).add("offset", message.entry.offset);
  add_fields(line, mailbox::index_record_fields(), mailbox.record_layout(), record);
  if (mailbox::has_guid(mailbox.record_layout())) {
    line.add("guid", record.guid.hex());
  }
  line.add("flags", mailbox::system_flag_names(record.system_flags));
  line.add("user_flags", user_flag_names(record, mailbox.header().flags));
  line.add("expunged", message.expunged());
  std::vector<std::string> damage = message.damage;
  const auto items = mailbox.cached_items(record);
  if (items) {
    for (const auto& [name, which] : kItems) {
      line.add(name, items->item(which));
    }
    if (!items->trouble().empty()) {
      damage.push_back(items->trouble());
    }
  } else {
    damage.push_back(items.error().text());
  }
  line.add("damage", damage);
  line.print();
  return damage.empty();
}

}  // namespace

Outcome show_json(ExaminedMailbox& mailbox, const Options& options) {
  print_mailbox(mailbox);
  const std::size_t damage_before = mailbox.damage().size();
  bool sound = damage_before == 0;
  bool found = false;
  ExaminedMessage message;
  for (;;) {
    const auto more = mailbox.next(message);
    if (!more || !*more) {
      break;
    }
    if (wanted(message, options)) {
      found = true;
      sound = print_message(mailbox, message) && sound;
    }
    sound = sound && message.damage.empty();
  }
  if (mailbox.damage().size() != damage_before) {
    // Found while walking: the file ends before its records do.
    JsonLine line;
    line.add("type", "damage").add("mailbox", mailbox.external_name()).add("damage", mailbox.damage());
    line.print();
    sound = false;
  }
  if ((options.uid || options.sequence) && !found) {
    return Outcome::not_found;
  }
  return sound ? Outcome::fine : Outcome::damaged;
}

}  // namespace cyr::mbexamine

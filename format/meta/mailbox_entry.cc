// Codecs of mailboxes.db records. Field orders are tables, one per writer; text and dlist forms share
// MailboxEntry.
#include "format/meta/mailbox_entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "format/acl/acl.h"
#include "format/base/text.h"
#include "format/text/dlist.h"

namespace cyr::meta {
namespace {

constexpr char component_separator = '\x1f';  // US
constexpr char domain_separator = '\x1d';     // GS
constexpr char key_separator = '\x1e';        // RS

// The order of fields in the map, by key letter (store.md 3.4). Absent and zero fields are left out by the
// writer.
std::string_view field_order(ListFormat format) {
  switch (format) {
    case ListFormat::dlist_25:
      return "AIPSTVM";
    case ListFormat::dlist_30:
      return "AIPSTVFM";
    case ListFormat::dlist_32:
      return "AIPSTVCFM";
    default:
      return "TIPSVCFMA";
  }
}
constexpr std::string_view uniqueid_order = "TNPSVCFMAH";
constexpr std::string_view history_order = "NMVCFTP";

// A field of a record, whichever way the record was read: absent, a string, or something else.
struct FieldText {
  bool present = false;
  bool is_string = false;
  std::string_view text;
};
FieldText field_text(const text::Item& map, char key) {
  const text::Item* item = map.find({&key, 1});
  if (item == nullptr || item->is_nil()) {
    return {};
  }
  return {true, item->is_string(), item->text};
}
FieldText field_text(const text::PlainMap& map, char key) {
  const text::PlainMap::Field* field = map.find(key);
  return field == nullptr ? FieldText{} : FieldText{true, !field->is_map, field->value};
}

template <class Number, class Map>
Result<Number> number_field(const Map& map, char key) {
  const FieldText field = field_text(map, key);
  if (!field.present) {
    return Number{0};
  }
  const auto value = field.is_string ? parse_number<Number>(field.text) : std::nullopt;
  if (!value || std::cmp_less(*value, 0)) {
    return corrupt(fmt::format("field {} is no number that fits", key));
  }
  return *value;
}

template <class Map>
Result<std::string_view> string_field(const Map& map, char key) {
  const FieldText field = field_text(map, key);
  if (field.present && !field.is_string) {
    return corrupt(fmt::format("field {} is no string", key));
  }
  return field.text;
}

void append_acl_entry(std::string& acl, std::string_view id, std::string_view rights) {
  acl.append(id).append("\t").append(rights).append("\t");
}

Result<std::optional<std::string>> acl_field(const text::Item& map) {
  const text::Item* item = map.find("A");
  if (item == nullptr || item->is_nil()) {
    return std::optional<std::string>();
  }
  if (item->is_string() && item->text.empty()) {
    return std::optional<std::string>("");
  }
  // An empty list and an empty map look alike to some writers; both are an empty ACL.
  if (!item->is_map() && !(item->is_list() && item->items.empty())) {
    return corrupt("field A is no map");
  }
  std::string acl;
  for (const auto& entry : item->items) {
    const bool bad = entry.key.empty() || entry.key.find('\t') != std::string::npos ||
                     !(entry.is_string() || entry.is_nil()) || entry.text.find('\t') != std::string::npos;
    if (bad) {
      return corrupt("field A has an entry that is no identifier with rights");
    }
    append_acl_entry(acl, entry.key, entry.text);
  }
  return std::optional<std::string>(std::move(acl));
}
Result<std::optional<std::string>> acl_field(const text::PlainMap& map) {
  const text::PlainMap::Field* field = map.find('A');
  if (field == nullptr) {
    return std::optional<std::string>();
  }
  if (!field->is_map) {
    return corrupt("field A is no map");
  }
  if (field->value.find('\t') != std::string_view::npos) {
    return corrupt("field A has an entry that is no identifier with rights");
  }
  std::string acl;
  acl.reserve(field->value.size() + 1);
  text::PlainMap::for_each_pair(
      *field, [&](std::string_view id, std::string_view rights) { append_acl_entry(acl, id, rights); });
  return std::optional<std::string>(std::move(acl));
}

text::Item acl_item(std::string_view acl) {
  text::Item map = text::Item::map();
  const acl::Acl parsed = acl::Acl::parse(acl);
  for (const auto& entry : parsed.entries()) {
    if (!entry.id.empty()) {
      map.add(entry.id, text::Item::string(entry.rights));
    }
  }
  return map;
}

Result<FormerName> decode_former_name(const text::Item& map) {
  if (!map.is_map()) {
    return corrupt("field H holds something that is no map");
  }
  FormerName former;
  CYR_TRY(const auto dbname, string_field(map, 'N'));
  former.name = internal_name_of(dbname);
  CYR_TRY(former.mtime, number_field<std::int64_t>(map, 'M'));
  CYR_TRY(former.uidvalidity, number_field<std::uint32_t>(map, 'V'));
  CYR_TRY(former.createdmodseq, number_field<std::uint64_t>(map, 'C'));
  CYR_TRY(former.foldermodseq, number_field<std::uint64_t>(map, 'F'));
  CYR_TRY(former.partition, string_field(map, 'P'));
  if (map.find("T") != nullptr) {
    CYR_TRY(const auto letters, string_field(map, 'T'));
    CYR_TRY(former.type, decode_type_letters(letters));
  }
  return former;
}

Status decode_history(const text::Item& map, MailboxEntry& entry) {
  const text::Item* history = map.find("H");
  if (history == nullptr || history->is_nil()) {
    return success();
  }
  if (!history->is_list()) {
    return corrupt("field H is no list");
  }
  for (const auto& item : history->items) {
    CYR_TRY(FormerName former, decode_former_name(item));
    entry.history.push_back(std::move(former));
  }
  return success();
}
Status decode_history(const text::PlainMap& map, MailboxEntry& /*entry*/) {
  return map.find('H') == nullptr ? success() : Status(corrupt("field H is no list"));
}

// Everything but name and uniqueid, which stand differently in N and I records.
template <class Map>
Status decode_common_fields(const Map& map, MailboxEntry& entry) {
  CYR_TRY(const auto letters, string_field(map, 'T'));
  CYR_TRY(entry.type, decode_type_letters(letters));
  CYR_TRY(entry.partition, string_field(map, 'P'));
  CYR_TRY(entry.server, string_field(map, 'S'));
  CYR_TRY(entry.acl, acl_field(map));
  CYR_TRY(entry.uidvalidity, number_field<std::uint32_t>(map, 'V'));
  CYR_TRY(entry.createdmodseq, number_field<std::uint64_t>(map, 'C'));
  CYR_TRY(entry.foldermodseq, number_field<std::uint64_t>(map, 'F'));
  CYR_TRY(entry.mtime, number_field<std::int64_t>(map, 'M'));
  return decode_history(map, entry);
}
template <class Map>
Status decode_name_record(const Map& map, MailboxEntry& entry) {
  CYR_TRY(entry.uniqueid, string_field(map, 'I'));
  return decode_common_fields(map, entry);
}
template <class Map>
Status decode_id_record(const Map& map, MailboxEntry& entry) {
  CYR_TRY(const auto dbname, string_field(map, 'N'));
  if (dbname.empty()) {
    return corrupt("the unique id's record has no mailbox name (N)", 0);
  }
  entry.name = internal_name_of(dbname);
  return decode_common_fields(map, entry);
}

Result<text::Item> parse_map(std::string_view value) {
  CYR_TRY(text::Item map, text::parse_dlist(value));
  if (!map.is_map()) {
    return corrupt("the record is no map", 0);
  }
  return map;
}

// "(uniqueid ID specialuse \Sent) " before a text value: generation X. Returns what follows.
Result<std::string_view> take_extensions(std::string_view value, MailboxEntry& entry) {
  const std::size_t end = value.find(')');
  if (end == std::string_view::npos) {
    return corrupt("the extension list has no end", 0);
  }
  std::string_view inside = value.substr(1, end - 1);
  const auto words = split(inside, ' ');
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    if (words[i] == "uniqueid") {
      entry.uniqueid = words[i + 1];
    } else if (words[i] == "specialuse") {
      entry.specialuse = words[i + 1];
    }
  }
  value.remove_prefix(end + 1);
  if (!value.starts_with(' ')) {
    return corrupt("no space after the extension list", end + 1);
  }
  return value.substr(1);
}

Result<MailboxEntry> decode_text_entry(std::string_view value, MailboxEntry entry) {
  const std::size_t size = value.size();
  if (value.starts_with('(')) {
    CYR_TRY(value, take_extensions(value, entry));
  }
  const std::size_t type_end = value.find(' ');
  const auto bits = parse_number<std::int64_t>(value.substr(0, type_end));
  if (!bits || type_end == std::string_view::npos) {
    return corrupt("no mailbox type at the front of the record", size - value.size());
  }
  CYR_TRY(entry.type, decode_type_bits(*bits));
  value.remove_prefix(type_end + 1);
  const std::size_t partition_end = value.find(' ');
  if (partition_end == std::string_view::npos) {
    return corrupt("no partition and ACL after the mailbox type", size - value.size());
  }
  const std::string_view location = value.substr(0, partition_end);
  if (const std::size_t bang = location.find('!'); bang != std::string_view::npos) {
    entry.server = location.substr(0, bang);
    entry.partition = location.substr(bang + 1);
  } else {
    entry.partition = location;
  }
  entry.acl = std::string(value.substr(partition_end + 1));
  return entry;
}

std::string encode_text_entry(const MailboxEntry& entry, ListFormat format) {
  std::string out;
  if (format == ListFormat::extended_text) {
    std::vector<std::string> words;
    if (!entry.uniqueid.empty()) {
      words.push_back("uniqueid " + entry.uniqueid);
    }
    if (!entry.specialuse.empty()) {
      words.push_back("specialuse " + entry.specialuse);
    }
    out = words.empty() ? "" : "(" + join(words, " ") + ") ";
  }
  out += fmt::format("{} ", encode_type_bits(entry.type));
  if (!entry.server.empty()) {
    out.append(entry.server).append("!");
  }
  return out.append(entry.partition).append(" ").append(entry.acl.value_or(""));
}

void add_text(text::Item& map, char key, std::string_view value) {
  if (!value.empty()) {
    map.add(std::string_view(&key, 1), text::Item::string(value));
  }
}
template <class Number>
void add_number(text::Item& map, char key, Number value) {
  if (value > 0) {
    map.add(std::string_view(&key, 1), text::Item::number(static_cast<std::uint64_t>(value)));
  }
}

text::Item history_item(const FormerName& former) {
  text::Item map = text::Item::map();
  for (const char key : history_order) {
    switch (key) {
      case 'N':
        add_text(map, key, dbname_of(former.name));
        break;
      case 'M':
        add_number(map, key, former.mtime);
        break;
      case 'V':
        add_number(map, key, former.uidvalidity);
        break;
      case 'C':
        add_number(map, key, former.createdmodseq);
        break;
      case 'F':
        add_number(map, key, former.foldermodseq);
        break;
      case 'T':
        add_text(map, key, former.type ? encode_type_letters_36(*former.type) : "");
        break;
      case 'P':
        add_text(map, key, former.partition);
        break;
      default:
        break;
    }
  }
  return map;
}

void add_field(text::Item& map, char key, const MailboxEntry& entry, ListFormat format) {
  switch (key) {
    case 'T':
      add_text(map, key,
               is_keyed(format) ? encode_type_letters_36(entry.type) : encode_type_letters_25(entry.type));
      break;
    case 'I':
      add_text(map, key, entry.uniqueid);
      break;
    case 'N':
      add_text(map, key, dbname_of(entry.name));
      break;
    case 'P':
      add_text(map, key, entry.partition);
      break;
    case 'S':
      add_text(map, key, entry.server);
      break;
    case 'V':
      add_number(map, key, entry.uidvalidity);
      break;
    case 'C':
      add_number(map, key, entry.createdmodseq);
      break;
    case 'F':
      add_number(map, key, entry.foldermodseq);
      break;
    case 'M':
      add_number(map, key, entry.mtime);
      break;
    case 'A':
      if (entry.acl) {
        map.add("A", acl_item(*entry.acl));
      }
      break;
    case 'H': {
      text::Item history = text::Item::list();
      for (const auto& former : entry.history) {
        history.add(history_item(former));
      }
      map.add("H", std::move(history));
      break;
    }
    default:
      break;
  }
}

std::string encode_fields(const MailboxEntry& entry, std::string_view order, ListFormat format) {
  text::Item map = text::Item::map();
  for (const char key : order) {
    add_field(map, key, entry, format);
  }
  return text::print_dlist(map, {.us_is_atom = format != ListFormat::keyed_312, .plus_literals = true});
}

}  // namespace

std::string dbname_of(std::string_view internal_name) {
  std::string out(internal_name);
  const std::size_t bang = out.find('!');
  std::size_t from = 0;
  if (bang != std::string::npos) {
    out[bang] = domain_separator;
    from = bang + 1;
  }
  std::for_each(out.begin() + static_cast<std::ptrdiff_t>(from), out.end(), [](char& c) {
    c = c == '.' ? component_separator : c == '^' ? '.' : c;
  });
  return out;
}

std::string internal_name_of(std::string_view dbname) {
  std::string out(dbname);
  const std::size_t domain_end = out.find(domain_separator);
  std::size_t from = 0;
  if (domain_end != std::string::npos) {
    out[domain_end] = '!';
    from = domain_end + 1;
  }
  std::for_each(out.begin() + static_cast<std::ptrdiff_t>(from), out.end(), [](char& c) {
    c = c == component_separator ? '.' : c == '.' ? '^' : c;
  });
  return out;
}

ListKey parse_list_key(std::string_view key, ListFormat format) {
  if (key.starts_with("$RACL")) {
    return {KeyKind::reverse_acl, std::string(key)};
  }
  if (key.starts_with("$RUNQ")) {
    return {KeyKind::reverse_id, std::string(key)};
  }
  if (!is_keyed(format)) {
    return {key.empty() ? KeyKind::unknown : KeyKind::mailbox, std::string(key)};
  }
  const std::string_view rest = key.substr(std::min<std::size_t>(key.size(), 1));
  if (rest.empty()) {
    return {KeyKind::unknown, std::string(key)};
  }
  if (key[0] == 'N') {
    return {KeyKind::mailbox, internal_name_of(rest)};
  }
  if (key[0] == 'I') {
    return {KeyKind::uniqueid, std::string(rest)};
  }
  const bool marked = key.size() > 2 && key[2] == key_separator;
  if (marked && (key.starts_with("AS") || key.starts_with("AU"))) {
    return {KeyKind::reverse_acl, std::string(key)};
  }
  if (key.starts_with("UG")) {
    return {KeyKind::user_group, std::string(key)};
  }
  return {KeyKind::unknown, std::string(key)};
}

std::string name_key(std::string_view internal_name, ListFormat format) {
  return is_keyed(format) ? "N" + dbname_of(internal_name) : std::string(internal_name);
}

std::string uniqueid_key(std::string_view uniqueid) { return "I" + std::string(uniqueid); }

Result<MailboxEntry> decode_entry(std::string_view internal_name, std::string_view value) {
  Result<MailboxEntry> out(MailboxEntry{});
  out->name = internal_name;
  if (!value.starts_with('%')) {
    return decode_text_entry(value, std::move(*out));
  }
  if (const auto plain = text::PlainMap::read(value)) {
    CYR_CHECK(decode_name_record(*plain, *out));
    return out;
  }
  CYR_TRY(const text::Item map, parse_map(value));
  CYR_CHECK(decode_name_record(map, *out));
  return out;
}

Result<MailboxType> decode_entry_type(std::string_view value) {
  if (const auto plain = text::PlainMap::read(value)) {
    CYR_TRY(const auto letters, string_field(*plain, 'T'));
    return decode_type_letters(letters);
  }
  CYR_TRY(const MailboxEntry entry, decode_entry({}, value));
  return entry.type;
}

Result<MailboxEntry> decode_uniqueid_record(std::string_view uniqueid, std::string_view value) {
  Result<MailboxEntry> out(MailboxEntry{});
  out->uniqueid = uniqueid;
  if (const auto plain = text::PlainMap::read(value)) {
    CYR_CHECK(decode_id_record(*plain, *out));
    return out;
  }
  CYR_TRY(const text::Item map, parse_map(value));
  CYR_CHECK(decode_id_record(map, *out));
  return out;
}

std::string encode_entry(const MailboxEntry& entry, ListFormat format) {
  return format <= ListFormat::extended_text ? encode_text_entry(entry, format)
                                             : encode_fields(entry, field_order(format), format);
}

std::string encode_uniqueid_record(const MailboxEntry& entry, ListFormat format) {
  return encode_fields(entry, uniqueid_order, format);
}

}  // namespace cyr::meta

// Arbitrary bytes as a record of mailboxes.db. What must hold: decoding never fails otherwise than by an
// Error; what was decoded is encoded to something that decodes to the same entry, in every generation that
// can hold it; keys come back.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "format/meta/mailbox_entry.h"
#include "format/meta/reverse_records.h"

namespace {

using namespace cyr::meta;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

// Names with bytes that the database form uses as separators do not survive the way through it.
bool plain(std::string_view name) { return name.find_first_of("\x1d\x1f") == std::string_view::npos; }

void check_entry(const MailboxEntry& entry) {
  const std::string value = encode_entry(entry, ListFormat::keyed_36);
  const auto again = decode_entry(entry.name, value);
  require(again.has_value());
  require(encode_entry(*again, ListFormat::keyed_36) == value);
  require(again->uniqueid == entry.uniqueid && again->type == entry.type && again->mtime == entry.mtime);
  for (const auto format :
       {ListFormat::dlist_25, ListFormat::dlist_30, ListFormat::dlist_32, ListFormat::keyed_312}) {
    require(decode_entry(entry.name, encode_entry(entry, format)).has_value());
  }
  ReverseRules rules;
  rules.acl = ReverseAclForm::keyed;
  rules.ids = true;
  (void)reverse_keys(entry, rules);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The first line is the key, the rest the value.
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\n'), input.size());
  const std::string_view key = input.substr(0, end);
  const std::string_view value = input.substr(std::min(end + 1, input.size()));
  for (const auto format : {ListFormat::text, ListFormat::keyed_36}) {
    const ListKey parsed = parse_list_key(key, format);
    if (parsed.kind == KeyKind::mailbox && (format == ListFormat::text || plain(parsed.name))) {
      require(name_key(parsed.name, format).size() == key.size());
    }
  }
  if (const auto entry = decode_entry(key, value)) {
    check_entry(*entry);
  }
  if (const auto entry = decode_uniqueid_record(key, value)) {
    const std::string text = encode_uniqueid_record(*entry, ListFormat::keyed_36);
    const auto again = decode_uniqueid_record(key, text);
    require(again.has_value());
    require(again->history.size() == entry->history.size());
    require(encode_uniqueid_record(*again, ListFormat::keyed_36) == text);
  }
  return 0;
}

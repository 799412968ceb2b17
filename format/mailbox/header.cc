// cyrus.header, strict reading and writing; header_salvage.cc reads what is left of a damaged one.
#include "format/mailbox/header.h"

#include <fmt/core.h>

#include <algorithm>

#include "format/base/text.h"
#include "format/mailbox/header_parts.h"
#include "format/text/imap_string.h"

namespace cyr::mailbox {
namespace {

using text::Item;

constexpr std::string_view kMagic =
    "\xA1\x02\x8B\x0D"
    "Cyrus mailbox header\n"
    "\"The best thing about this system was that it had lots of goals.\"\n"
    "\t--Jim Morris on Andrew\n";
static_assert(kMagic.size() == kHeaderMagicSize);

// Up to and without the next LF; moves `at` behind it.
Result<std::string_view> take_line(std::string_view file, std::size_t& at, std::string_view what) {
  const std::size_t end = file.find('\n', at);
  if (end == std::string_view::npos) {
    return corrupt(fmt::format("{} has no line end", what), at);
  }
  const std::string_view line = file.substr(at, end - at);
  at = end + 1;
  return line;
}

Result<MailboxHeader> decode_text(std::string_view file) {
  MailboxHeader header;
  header.form = HeaderForm::text;
  std::size_t at = kHeaderMagicSize;
  CYR_TRY(const auto first, take_line(file, at, "line of quota root and unique id"));
  if (const Status ok = read_ids_line(first, header); !ok) {
    return Error(ok.error()).at_offset(kHeaderMagicSize + ok.error().offset.value_or(0));
  }
  CYR_TRY(const auto flags, take_line(file, at, "line of user flags"));
  read_flags_line(flags, header);
  CYR_TRY(const auto acl, take_line(file, at, "line of the ACL"));
  header.acl = std::string(acl);
  return header;
}

Result<MailboxHeader> decode_dlist(std::string_view file) {
  std::size_t at = kHeaderMagicSize;
  CYR_TRY(const auto line, take_line(file, at, "list of header values"));
  auto parsed = text::parse_dlist(line);
  if (!parsed) {
    return Error(parsed.error()).at_offset(kHeaderMagicSize + parsed.error().offset.value_or(0));
  }
  if (!parsed->is_map()) {
    return corrupt("header values are not a %(...) list", kHeaderMagicSize);
  }
  MailboxHeader header;
  for (const Item& item : parsed->items) {
    if (const Status ok = take_header_item(item, header); !ok) {
      return Error(ok.error()).at_offset(kHeaderMagicSize);
    }
  }
  return header;
}

Status check_text_value(std::string_view what, std::string_view value, std::string_view forbidden) {
  const std::size_t bad = value.find_first_of(forbidden);
  if (bad == std::string_view::npos) {
    return success();
  }
  return make_error(
      Errc::invalid,
      fmt::format("{} \"{}\" cannot be written to a cyrus.header in the text form", what, printable(value)));
}

Result<std::string> encode_text(const MailboxHeader& header) {
  CYR_CHECK(check_text_value("quota root", header.quotaroot.value_or(""), "\t\n"));
  CYR_CHECK(check_text_value("unique id", header.uniqueid, "\t\n "));
  CYR_CHECK(check_text_value("text after the unique id", header.trailing, "\n"));
  CYR_CHECK(check_text_value("ACL", header.acl.value_or(""), "\n"));
  std::string out = header.quotaroot.value_or("");
  if (out.starts_with('%')) {
    return make_error(Errc::invalid, "a quota root that starts with % would be read as the dlist form");
  }
  if (!header.uniqueid.empty()) {
    out += '\t' + header.uniqueid;
  }
  if (!header.trailing.empty()) {
    out += '\t' + header.trailing;
  }
  out += '\n';
  for (const std::string& name : header.flags) {
    CYR_CHECK(check_text_value("user flag", name, "\n "));
    out += name + ' ';
  }
  return out + '\n' + header.acl.value_or("") + '\n';
}

Result<Item> acl_item(std::string_view acl) {
  Item map = Item::map();
  auto parts = split(acl, '\t');
  if (parts.back().empty()) {
    parts.pop_back();  // each pair ends in a TAB
  }
  if (parts.size() % 2 != 0) {
    return make_error(Errc::invalid,
                      fmt::format("ACL \"{}\" has an identifier without rights", printable(acl)));
  }
  for (std::size_t i = 0; i < parts.size(); i += 2) {
    map.add(parts[i], Item::string(parts[i + 1]));
  }
  return map;
}

Result<std::string> encode_dlist(const MailboxHeader& header) {
  Item map = Item::map();
  map.add("T", Item::string(header.type));
  map.add("N", Item::string(header.name));
  map.add("I", Item::string(header.uniqueid));
  if (header.jmapid) {
    map.add("J", Item::string(*header.jmapid));
  }
  if (header.quotaroot) {
    map.add("Q", Item::string(*header.quotaroot));
  }
  if (header.acl) {
    CYR_TRY(Item acl, acl_item(*header.acl));
    map.add("A", std::move(acl));
  }
  if (!header.flags.empty()) {
    Item flags = Item::list();
    for (const std::string& name : header.flags) {
      flags.add(name.empty() ? Item::nil() : Item::string(name));
    }
    map.add("U", std::move(flags));
  }
  for (const auto& [key, value] : header.extra) {
    CYR_TRY(Item item, text::parse_dlist(value));
    map.add(key, std::move(item));
  }
  std::string out = text::print_dlist(map, text::style_of(map));
  if (out.find('\n') != std::string::npos) {
    // Readers stop at the first LF, so a literal (non-ASCII, '"', '%', '\') has no place in this file.
    return make_error(Errc::invalid, "a value needs an IMAP literal, which cyrus.header cannot hold");
  }
  return out + '\n';
}

}  // namespace

std::string_view header_magic() { return kMagic; }

Status read_ids_line(std::string_view line, MailboxHeader& header) {
  const std::size_t tab = line.find('\t');
  const std::string_view quotaroot = line.substr(0, tab);
  header.quotaroot.reset();
  if (!quotaroot.empty()) {
    header.quotaroot = std::string(quotaroot);
  }
  if (tab == std::string_view::npos) {
    return success();  // before 2.0: no unique id
  }
  const std::string_view rest = line.substr(tab + 1);
  if (rest.empty()) {
    return corrupt("unique id is missing after the TAB", tab + 1);
  }
  const std::size_t second = rest.find('\t');
  header.uniqueid = std::string(rest.substr(0, second));
  if (second != std::string_view::npos) {
    header.trailing = std::string(rest.substr(second + 1));
  }
  return success();
}

void read_flags_line(std::string_view line, MailboxHeader& header) {
  header.flags.clear();
  for (const std::string_view name : split(line, ' ')) {
    if (header.flags.size() == kMaxUserFlags) {
      break;  // Cyrus has no bit for more and ignores them
    }
    header.flags.emplace_back(name);
  }
  trim_flags(header);
}

std::vector<std::string_view> drop_unwritable(MailboxHeader& header, HeaderForm form) {
  std::vector<std::string_view> dropped;
  // A value alone in a header tells whether it is the one that cannot be written.
  const auto writable = [form](const MailboxHeader& one) { return encode_header(one, form).has_value(); };
  const auto drop = [&](std::string_view what, auto field, auto lost) {
    MailboxHeader one;
    one.*field = header.*field;
    if (!writable(one)) {
      header.*field = lost;
      dropped.push_back(what);
    }
  };
  drop("values of unknown keys", &MailboxHeader::extra, decltype(header.extra)());
  drop("J", &MailboxHeader::jmapid, std::nullopt);
  drop("quota root", &MailboxHeader::quotaroot, std::nullopt);
  drop("unique id", &MailboxHeader::uniqueid, std::string());
  drop("ACL", &MailboxHeader::acl, std::nullopt);
  return dropped;
}

void trim_flags(MailboxHeader& header) {
  while (!header.flags.empty() && header.flags.back().empty()) {
    header.flags.pop_back();
  }
}

std::string acl_text(const Item& map) {
  std::string acl;
  for (const Item& pair : map.items) {
    acl += pair.key + '\t' + pair.text + '\t';
  }
  return acl;
}

Status take_header_item(const Item& item, MailboxHeader& header) {
  const auto string_value = [&](std::string& into) -> Status {
    if (!item.is_string() && !item.is_nil()) {
      return corrupt(fmt::format("header value {} is not a string", item.key));
    }
    into = item.text;
    return success();
  };
  if (item.key == "T") {
    return string_value(header.type);
  }
  if (item.key == "N") {
    return string_value(header.name);
  }
  if (item.key == "I") {
    return string_value(header.uniqueid);
  }
  if (item.key == "J") {
    return string_value(header.jmapid.emplace());
  }
  if (item.key == "Q") {
    CYR_CHECK(string_value(header.quotaroot.emplace()));
    if (header.quotaroot->empty()) {
      header.quotaroot.reset();
    }
    return success();
  }
  if (item.key == "A") {
    if (item.is_nil()) {
      return success();
    }
    if (!item.is_map()) {
      return corrupt("header value A (the ACL) is not a %(...) list");
    }
    header.acl = acl_text(item);
    return success();
  }
  if (item.key == "U") {
    if (!item.is_list() && !item.is_nil()) {
      return corrupt("header value U (the user flags) is not a list");
    }
    for (const Item& name : item.items) {
      if (header.flags.size() < kMaxUserFlags) {
        header.flags.push_back(name.text);
      }
    }
    trim_flags(header);
    return success();
  }
  Item bare = item;
  bare.key.clear();
  header.extra.emplace_back(item.key, text::print_dlist(bare, text::style_of(bare)));
  return success();
}

Result<MailboxHeader> decode_header(Bytes file) {
  if (file.size() > kMaxHeaderFile) {
    return corrupt(fmt::format("header of {} bytes is larger than any header", file.size()), kMaxHeaderFile);
  }
  const std::string_view bytes = as_text(file);
  const std::size_t common = std::min(bytes.size(), kMagic.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (bytes[i] != kMagic[i]) {
      return corrupt("this is no cyrus.header: wrong magic", i);
    }
  }
  if (common < kMagic.size()) {
    return corrupt(fmt::format("header ends after {} bytes, its magic has {}", bytes.size(), kMagic.size()),
                   common);
  }
  return bytes.size() > kMagic.size() && bytes[kMagic.size()] == '%' ? decode_dlist(bytes)
                                                                     : decode_text(bytes);
}

Result<Buffer> encode_header(const MailboxHeader& header, HeaderForm form) {
  if (header.flags.size() > kMaxUserFlags) {
    return make_error(Errc::invalid, fmt::format("{} user flags, at most {} have a bit", header.flags.size(),
                                                 kMaxUserFlags));
  }
  CYR_TRY(const std::string content, form == HeaderForm::dlist ? encode_dlist(header) : encode_text(header));
  const std::string file = std::string(kMagic) + content;
  const Bytes bytes = as_bytes(file);
  return Buffer(bytes.begin(), bytes.end());
}

bool valid_flag_name(std::string_view name) { return text::is_atom(name, false); }

std::optional<std::size_t> find_flag(const MailboxHeader& header, std::string_view name) {
  for (std::size_t bit = 0; bit < header.flags.size(); ++bit) {
    if (!name.empty() && equal_ignoring_case(header.flags[bit], name)) {
      return bit;
    }
  }
  return {};
}

}  // namespace cyr::mailbox

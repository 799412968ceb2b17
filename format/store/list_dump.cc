// Text forms by hand, JSON by nlohmann's parser: a callback takes each record as soon as it is complete.
#include "format/store/list_dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "format/acl/acl.h"
#include "format/base/text.h"

namespace cyr::store {

namespace {

using Json = nlohmann::ordered_json;
using meta::MailboxEntry;

constexpr std::string_view no_partition = "(null)";

// A string in quotes. Throws Json::type_error for bytes that are not UTF-8.
void append_quoted(std::string& out, std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(),
                                 [](char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; });
  if (!plain) {
    out += Json(std::string(text)).dump();
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

// Members of one object in the order and spacing of the real program; it is closed with the last `}` by
// close().
class Members {
 public:
  explicit Members(std::string& out) : out_(out) { out_ += '{'; }
  void close() { out_ += '}'; }

  // The member's value is to be appended.
  std::string& add(std::string_view name) {
    out_.append(first_ ? "\"" : ", \"").append(name).append("\": ");
    first_ = false;
    return out_;
  }
  template <class Number>
  void add_number(std::string_view name, Number value) {
    if (value > 0) {
      fmt::format_to(std::back_inserter(add(name)), "\"{}\"", value);
    }
  }
  void add_text(std::string_view name, std::string_view value) {
    if (!value.empty()) {
      append_quoted(add(name), value);
    }
  }

 private:
  std::string& out_;
  bool first_ = true;
};

void append_acl(std::string& out, std::string_view acl) {
  out += '{';
  const char* before = "";
  acl::for_each_entry(acl, [&](std::string_view id, std::string_view rights) {
    append_quoted(out += before, id);
    append_quoted(out += ": ", rights);
    before = ", ";
  });
  out += '}';
}

// Entry or FormerName: what both have.
template <class Record>
void add_common(Members& members, const Record& record) {
  members.add_number("mtime", record.mtime);
  members.add_number("uidvalidity", record.uidvalidity);
  members.add_number("createdmodseq", record.createdmodseq);
  members.add_number("foldermodseq", record.foldermodseq);
}

void append_history(std::string& out, const std::vector<meta::FormerName>& history) {
  out += '[';
  const char* before = "";
  for (const auto& former : history) {
    Members members(out += before);
    members.add_text("name", former.name);
    add_common(members, former);
    members.add_text("mbtype", former.type ? meta::encode_type_letters_36(*former.type) : "");
    members.add_text("partition", former.partition);
    members.close();
    before = ", ";
  }
  out += ']';
}

std::string json_entry(const MailboxEntry& entry, DumpHistory history) {
  constexpr std::size_t usual_size = 384;
  std::string out;
  out.reserve(usual_size);
  append_quoted(out, entry.name);
  out += ": ";
  Members members(out);
  append_quoted(members.add("name"), entry.name);
  add_common(members, entry);
  members.add_text("mbtype", meta::encode_type_letters_36(entry.type));
  members.add_text("partition", entry.partition);
  members.add_text("server", entry.server);
  append_acl(members.add("acl"), entry.acl ? std::string_view(*entry.acl) : "");
  members.add_text("uniqueid", entry.uniqueid);
  members.add_text("legacy_specialuse", entry.specialuse);
  append_history(members.add("name_history"),
                 history == DumpHistory::full ? entry.history : std::vector<meta::FormerName>());
  members.close();
  return out;
}

std::string text_entry(const MailboxEntry& entry, DumpForm form) {
  const std::string acl = entry.acl.value_or("");
  if (form == DumpForm::untyped) {
    return fmt::format("{}\t{}\t{}", entry.name, entry.partition, acl);
  }
  const std::int64_t type =
      form == DumpForm::typed ? meta::encode_type_bits(entry.type) : meta::encode_dump_bits(entry.type);
  const bool server = form != DumpForm::serverless && !entry.server.empty();
  const bool null = form != DumpForm::typed && entry.partition.empty();
  return fmt::format("{}\t{} {}{}{} {}", entry.name, type,
                     entry.server.substr(0, server ? std::string::npos : 0), server ? "!" : "",
                     null ? no_partition : std::string_view(entry.partition), acl);
}

// "SERVER!PARTITION" or "PARTITION" or "(null)".
void take_location(std::string_view text, MailboxEntry& entry) {
  if (const std::size_t bang = text.find('!'); bang != std::string_view::npos) {
    entry.server = text.substr(0, bang);
    text.remove_prefix(bang + 1);
  }
  entry.partition = text == no_partition ? "" : text;
}

// What 3.6's alphas put behind the ACL; left alone when it does not look like that.
void take_tail(std::string_view& acl, MailboxEntry& entry) {
  const std::size_t mark = acl.rfind('>');
  if (mark == std::string_view::npos) {
    return;
  }
  const auto words = split(acl.substr(mark + 1), ' ');
  if (words.size() < 5) {
    return;
  }
  const auto mtime = parse_number<std::int64_t>(words[1]);
  const auto uidvalidity = parse_number<std::uint32_t>(words[2]);
  const auto foldermodseq = parse_number<std::uint64_t>(words[3]);
  const auto createdmodseq = parse_number<std::uint64_t>(words[4]);
  if (!mtime || !uidvalidity || !foldermodseq || !createdmodseq) {
    return;
  }
  entry.uniqueid = words[0] == no_partition ? "" : words[0];
  entry.mtime = *mtime;
  entry.uidvalidity = *uidvalidity;
  entry.foldermodseq = *foldermodseq;
  entry.createdmodseq = *createdmodseq;
  entry.specialuse = words.size() > 5 ? std::string(words[5]) : std::string();
  acl = acl.substr(0, mark);
}

// The value of a member that may be a string or a number; nothing when it is absent.
Result<std::optional<std::string>> member(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) {
    return std::optional<std::string>();
  }
  if (found->is_number_unsigned()) {
    return std::optional(std::to_string(found->get<std::uint64_t>()));
  }
  if (!found->is_string()) {
    return corrupt(fmt::format("{} is no string", name));
  }
  return std::optional(found->get<std::string>());
}

template <class Number>
Status take_number(const Json& object, const char* name, Number& into) {
  CYR_TRY(const auto text, member(object, name));
  if (!text) {
    return success();
  }
  const auto number = parse_number<Number>(*text);
  if (!number || *number < 0) {
    return corrupt(fmt::format("{} {} is no number that fits", name, printable(*text)));
  }
  into = *number;
  return success();
}

template <class Record>
Status take_common(const Json& object, Record& record) {
  CYR_CHECK(take_number(object, "mtime", record.mtime));
  CYR_CHECK(take_number(object, "uidvalidity", record.uidvalidity));
  CYR_CHECK(take_number(object, "createdmodseq", record.createdmodseq));
  return take_number(object, "foldermodseq", record.foldermodseq);
}

Result<std::optional<meta::MailboxType>> take_type(const Json& object) {
  CYR_TRY(const auto letters, member(object, "mbtype"));
  if (!letters) {
    return std::optional<meta::MailboxType>();
  }
  CYR_TRY(const auto type, meta::decode_type_letters(*letters));
  return std::optional(type);
}

Result<std::string> take_acl(const Json& object) {
  acl::Acl out;
  const auto found = object.find("acl");
  if (found != object.end() && !found->is_null()) {
    if (!found->is_object()) {
      return corrupt("acl is no object");
    }
    for (const auto& [id, rights] : found->items()) {
      if (!rights.is_string() || id.empty() || id.find('\t') != std::string::npos) {
        return corrupt("acl has an entry that is none");
      }
      out.append(id, rights.get<std::string>());
    }
  }
  return out.print();
}

Result<std::vector<meta::FormerName>> take_history(const Json& object) {
  std::vector<meta::FormerName> out;
  const auto found = object.find("name_history");
  if (found == object.end() || !found->is_array()) {
    return out;
  }
  for (const auto& item : *found) {
    if (!item.is_object()) {
      return corrupt("name_history holds something else than objects");
    }
    meta::FormerName former;
    CYR_TRY(const auto name, member(item, "name"));
    CYR_TRY(const auto partition, member(item, "partition"));
    CYR_TRY(former.type, take_type(item));
    CYR_CHECK(take_common(item, former));
    former.name = name.value_or("");
    former.partition = partition.value_or("");
    out.push_back(std::move(former));
  }
  return out;
}

Result<MailboxEntry> entry_of(const std::string& key, const Json& object) {
  if (!object.is_object()) {
    return corrupt("no object");
  }
  MailboxEntry entry;
  CYR_TRY(const auto name, member(object, "name"));
  entry.name = name.value_or(key);
  CYR_CHECK(take_common(object, entry));
  CYR_TRY(const auto type, take_type(object));
  entry.type = type.value_or(meta::MailboxType{});
  const std::array<std::pair<const char*, std::string*>, 4> texts{{{"partition", &entry.partition},
                                                                   {"server", &entry.server},
                                                                   {"uniqueid", &entry.uniqueid},
                                                                   {"legacy_specialuse", &entry.specialuse}}};
  for (const auto& [member_name, into] : texts) {
    CYR_TRY(auto text, member(object, member_name));
    *into = std::move(text).value_or("");
  }
  CYR_TRY(auto acl, take_acl(object));
  // Tombstones and intermediates have none; the dump shows an empty one.
  if (!acl.empty() || !(entry.type.deleted || entry.type.intermediate)) {
    entry.acl = std::move(acl);
  }
  CYR_TRY(entry.history, take_history(object));
  if (entry.partition.empty() && entry.type.local()) {
    return corrupt("partition is missing");
  }
  return entry;
}

}  // namespace

DumpForm dump_form(conf::Release release) {
  if (release < conf::Release{2, 3, 0}) {
    return DumpForm::untyped;
  }
  if (release < conf::Release{2, 5, 0}) {
    return DumpForm::typed;
  }
  if (release < conf::Release{3, 0, 0}) {
    return DumpForm::serverless;
  }
  return release < conf::Release{3, 6, 0} ? DumpForm::with_server : DumpForm::json;
}

DumpForm dump_form(meta::ListFormat format) {
  if (format <= meta::ListFormat::extended_text) {
    return DumpForm::typed;
  }
  return meta::is_keyed(format) ? DumpForm::json : DumpForm::with_server;
}

Result<std::string> dump_entry(const MailboxEntry& entry, DumpForm form, DumpHistory history) {
  if (form != DumpForm::json) {
    if (entry.name.find_first_of("\t\n") != std::string::npos) {
      return make_error(Errc::unsupported, "a TAB or line feed in the name, which this form cannot hold");
    }
    return text_entry(entry, form);
  }
  try {
    return json_entry(entry, history);
  } catch (const Json::type_error&) {
    return make_error(Errc::unsupported, "bytes that are not UTF-8, which JSON cannot hold");
  }
}

Result<MailboxEntry> parse_dump_line(std::string_view line) {
  const std::size_t name_end = line.find('\t');
  if (name_end == std::string_view::npos || name_end == 0) {
    return corrupt("no partition found");
  }
  MailboxEntry entry;
  entry.name = line.substr(0, name_end);
  std::string_view rest = line.substr(name_end + 1);
  const std::size_t word_end = rest.find_first_of(" \t");
  if (word_end == std::string_view::npos) {
    return corrupt("no acl found");
  }
  if (rest[word_end] == '\t') {  // 2.1 and 2.2
    take_location(rest.substr(0, word_end), entry);
    entry.acl = std::string(rest.substr(word_end + 1));
    return entry;
  }
  const auto bits = parse_number<std::int64_t>(rest.substr(0, word_end));
  if (!bits) {
    return corrupt("no mailbox type found");
  }
  CYR_TRY(entry.type, meta::decode_dump_bits(*bits));
  rest.remove_prefix(word_end + 1);
  const std::size_t location_end = rest.find(' ');
  if (location_end == std::string_view::npos) {
    return corrupt("no acl found");
  }
  take_location(rest.substr(0, location_end), entry);
  rest.remove_prefix(location_end + 1);
  take_tail(rest, entry);
  if (!rest.empty() || !(entry.type.deleted || entry.type.intermediate)) {
    entry.acl = std::string(rest);
  }
  return entry;
}

Status read_json_dump(std::FILE* in, const DumpVisitor& visit) {
  std::string key;
  Status status = success();
  const auto take = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth == 1 && event == Json::parse_event_t::key) {
      key = parsed.get<std::string>();
    }
    if (depth != 1 || (event != Json::parse_event_t::object_end && event != Json::parse_event_t::array_end &&
                       event != Json::parse_event_t::value)) {
      return true;
    }
    if (status) {
      auto entry = entry_of(key, parsed);
      status = visit(entry ? std::move(entry) : Result<MailboxEntry>(std::move(entry.error()).at(key)));
    }
    return false;  // forgotten again: memory holds one record
  };
  try {
    const Json all = Json::parse(in, take);
    if (status && !all.is_object()) {
      return corrupt("the dump is no JSON object");
    }
  } catch (const Json::exception& error) {
    return status ? Status(corrupt(printable(error.what()))) : status;
  }
  return status;
}

}  // namespace cyr::store

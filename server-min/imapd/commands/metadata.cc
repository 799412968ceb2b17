// GETMETADATA and SETMETADATA (RFC 5464), and their predecessors GETANNOTATION and SETANNOTATION, which old
// cyradm use (annotation_enable_legacy_commands).
#include "format/store/metadata.h"

#include <algorithm>

#include "format/base/text.h"
#include "format/text/imap_string.h"
#include "server-min/imapd/commands/registry.h"

namespace cyr::imapd {

namespace {

constexpr std::size_t kMaxEntries = 1000;
constexpr std::string_view kShared = "/shared", kPrivate = "/private";

enum class Depth : std::uint8_t { zero, one, infinity };

struct GetRequest {
  std::string mailbox;  // empty: the server
  Depth depth = Depth::zero;
  std::optional<std::uint64_t> max_size = {};
  std::vector<std::string> entries;  // with /shared or /private in front
};

bool is_pattern(std::string_view entry) { return entry.find_first_of("*%") != std::string_view::npos; }

// "/shared/comment" -> the entry and whether it is shared; Errc::invalid for anything else.
Result<store::MetadataItem> split_entry(std::string_view name) {
  const bool shared = starts_with_ignoring_case(name, kShared);
  if (!shared && !starts_with_ignoring_case(name, kPrivate)) {
    return bad_argument("entry must begin with /shared or /private");
  }
  name.remove_prefix(shared ? kShared.size() : kPrivate.size());
  if (!name.empty() && name.front() != '/') {
    return bad_argument("entry must begin with /shared or /private");
  }
  if (name.ends_with('/')) {
    return bad_argument("Invalid metadata entry");
  }
  return store::MetadataItem{.entry = lower_ascii(name), .shared = shared, .value = {}};
}

std::string full_name(const store::MetadataItem& item) {
  return std::string(item.shared ? kShared : kPrivate) + item.entry;
}

// Does `item` answer to the entry `wanted` at this depth? The entry may be a pattern, which cyradm sends
// ("/shared/*"), though RFC 5464 has none.
bool answers(const store::MetadataItem& item, const store::MetadataItem& wanted, Depth depth) {
  if (item.shared != wanted.shared) {
    return false;
  }
  if (item.entry == wanted.entry ||
      (is_pattern(wanted.entry) && names::matches(wanted.entry, item.entry, '/'))) {
    return true;
  }
  if (depth == Depth::zero || !item.entry.starts_with(wanted.entry + "/")) {
    return false;
  }
  return depth == Depth::infinity || item.entry.find('/', wanted.entry.size() + 1) == std::string::npos;
}

Status take_get_option(CommandParser& parser, GetRequest& request) {
  const std::string word = parser.word();
  CYR_CHECK(parser.space());
  if (equal_ignoring_case(word, "MAXSIZE")) {
    CYR_TRY(request.max_size, parser.number(UINT32_MAX));
    return success();
  }
  if (!equal_ignoring_case(word, "DEPTH")) {
    return bad_argument("Invalid metadata option");
  }
  const std::string depth = parser.word();
  if (depth == "0" || depth == "1") {
    request.depth = depth == "0" ? Depth::zero : Depth::one;
  } else if (equal_ignoring_case(depth, "infinity")) {
    request.depth = Depth::infinity;
  } else {
    return bad_argument("Invalid metadata option");
  }
  return success();
}

// Options stand before or after the mailbox: RFC 5464's grammar and its examples differ.
Result<GetRequest> parse_get(CommandParser& parser) {
  GetRequest request;
  const auto take_option = [&] { return take_get_option(parser, request); };
  CYR_CHECK(parser.space());
  if (parser.peek() == '(') {
    CYR_CHECK(parser.list(take_option));
    CYR_CHECK(parser.space());
  }
  CYR_TRY(request.mailbox, parser.astring());
  CYR_CHECK(parser.space());
  const auto take_entry = [&]() -> Status {
    CYR_TRY(std::string entry, parser.astring());
    if (request.entries.size() >= kMaxEntries) {
      return bad_argument("Too many metadata entries");
    }
    request.entries.push_back(std::move(entry));
    return success();
  };
  if (parser.peek() != '(') {
    CYR_CHECK(take_entry());
  } else if (starts_with_ignoring_case(parser.rest(), "(DEPTH ") ||
             starts_with_ignoring_case(parser.rest(), "(MAXSIZE ")) {
    CYR_CHECK(parser.list(take_option));
    CYR_CHECK(parser.space());
    CYR_CHECK(parser.peek() == '(' ? parser.list(take_entry) : take_entry());
  } else {
    CYR_CHECK(parser.list(take_entry));
  }
  CYR_CHECK(parser.end());
  return request;
}

// The internal name; empty for the server.
Result<std::string> target_of(Session& session, const std::string& name) {
  if (name.empty()) {
    return std::string();
  }
  CYR_TRY(const meta::MailboxEntry entry, session.find_mailbox(name));
  return entry.name;
}

// Who may not look a mailbox up and read it sees none of its entries, which is no error.
Result<bool> sees_entries(Session& session, const std::string& name) {
  CYR_TRY(const names::MailboxName parsed, session.parse_name(name));
  CYR_TRY(const meta::MailboxEntry entry,
          store::need_mailbox(session.store, parsed.to_internal(session.store.name_space())));
  const acl::Rights rights = session.caller->rights(entry);
  return session.caller->is_admin() || (rights.has('l') && rights.has('r'));
}

Result<std::vector<store::MetadataItem>> all_items(Session& session, const std::string& mailbox) {
  store::Administration admin = session.administration();
  return mailbox.empty() ? store::get_server_metadata(admin) : store::get_metadata(admin, mailbox);
}

void write_metadata(Session& session, const std::string& mailbox,
                    const std::vector<store::MetadataItem>& items) {
  if (items.empty()) {
    return;
  }
  std::string& out = session.out.buffer();
  out += "* METADATA " + (mailbox.empty() ? std::string("\"\"") : session.quoted_name(mailbox)) + " (";
  for (std::size_t i = 0; i < items.size(); ++i) {
    out += (i == 0 ? "" : " ");
    session.out.string(full_name(items[i]));
    out += ' ';
    session.out.nstring(items[i].value.value_or(""), !items[i].value);
  }
  out += ")\r\n";
}

struct Selection {
  std::vector<store::MetadataItem> items;
  std::uint64_t too_long = 0;  // size of the longest value that MAXSIZE left out
};

Result<Selection> select_items(const std::vector<store::MetadataItem>& all, const GetRequest& request) {
  Selection selection;
  for (const std::string& name : request.entries) {
    CYR_TRY(const store::MetadataItem wanted, split_entry(name));
    bool found = false;
    for (const store::MetadataItem& item : all) {
      if (!answers(item, wanted, request.depth)) {
        continue;
      }
      found = true;
      if (request.max_size && item.value && item.value->size() > *request.max_size) {
        selection.too_long = std::max<std::uint64_t>(selection.too_long, item.value->size());
        continue;
      }
      selection.items.push_back(item);
    }
    if (!found && request.depth == Depth::zero && !is_pattern(wanted.entry)) {
      selection.items.push_back(wanted);  // NIL
    }
  }
  return selection;
}

Status set_item(Session& session, const std::string& mailbox, const store::MetadataItem& item) {
  store::Administration admin = session.administration();
  return mailbox.empty() ? store::set_server_metadata(admin, item)
                         : store::set_metadata(admin, mailbox, item);
}

// All of them or, when one would be refused, none.
Status set_items(Session& session, const std::vector<std::string>& mailboxes,
                 const std::vector<store::MetadataItem>& items) {
  store::Administration admin = session.administration();
  for (const std::string& mailbox : mailboxes) {
    for (const store::MetadataItem& item : items) {
      CYR_CHECK(store::check_metadata(admin, mailbox, item));
    }
  }
  for (const std::string& mailbox : mailboxes) {
    for (const store::MetadataItem& item : items) {
      CYR_CHECK(set_item(session, mailbox, item));
    }
  }
  return success();
}

bool legacy_enabled(Session& session) {
  return session.config().is_on(conf::Option::annotation_enable_legacy_commands);
}

// A string or a list of strings, patterns with % and *.
Result<std::vector<std::string>> take_strings(CommandParser& parser) {
  std::vector<std::string> out;
  const auto take_one = [&]() -> Status {
    CYR_TRY(std::string text, parser.astring());
    if (out.size() >= kMaxEntries) {
      return bad_argument("Too many annotation entries");
    }
    out.push_back(std::move(text));
    return success();
  };
  CYR_CHECK(parser.peek() == '(' ? parser.list(take_one) : take_one());
  return out;
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view text, char separator) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return names::matches(pattern, text, separator); });
}

// The mailboxes (internal names) that ANNOTATEMORE's mailbox pattern means; one empty name for the server.
Result<std::vector<std::string>> annotated(Session& session, const std::string& pattern) {
  std::vector<std::string> out;
  if (pattern.empty()) {
    out.emplace_back();
    return out;
  }
  CYR_TRY(meta::MailboxList * list, session.store.mailbox_list());
  const Caller& caller = *session.caller;
  CYR_CHECK(list->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
    if (item.entry && item.entry->type.local() && caller.rights(*item.entry).has('l')) {
      const auto shown = caller.print_name(item.name);
      if (shown && names::matches(pattern, *shown, caller.separator())) {
        out.emplace_back(item.name);
      }
    }
    return db::Visit::go_on;
  }));
  return out;
}

// "("value.shared" "x" "value.priv" NIL ...)": what of it can be set.
Status take_attributes(CommandParser& parser, const std::string& entry,
                       std::vector<store::MetadataItem>& items) {
  return parser.list([&]() -> Status {
    CYR_TRY(const std::string attribute, parser.astring());
    CYR_CHECK(parser.space());
    CYR_TRY(auto value, parser.nstring());
    const bool shared = equal_ignoring_case(attribute, "value.shared");
    if (!shared && !equal_ignoring_case(attribute, "value.priv")) {
      return bad_argument("Invalid annotation attribute");
    }
    items.push_back({.entry = lower_ascii(entry), .shared = shared, .value = std::move(value)});
    return success();
  });
}

// The attributes that `item` has and the patterns ask for, appended to `list`.
void add_attributes(std::string& list, const store::MetadataItem& item,
                    const std::vector<std::string>& patterns) {
  const std::string scope = item.shared ? ".shared" : ".priv";
  const auto add = [&](const std::string& name, const std::string& value) {
    if (matches_any(patterns, name + scope, '.') || matches_any(patterns, name, '.')) {
      list += fmt::format("{}\"{}{}\" ", list.empty() ? "" : " ", name, scope);
      text::append_nstring(list, value);
    }
  };
  add("value", *item.value);
  add("size", std::to_string(item.value->size()));
}

// One ANNOTATION response for each entry that has a value, shared and private together.
void write_annotations(Session& session, const std::string& mailbox, std::vector<store::MetadataItem> items,
                       const std::vector<std::string>& attributes) {
  std::stable_sort(items.begin(), items.end(),
                   [](const store::MetadataItem& a, const store::MetadataItem& b) {
                     return a.entry != b.entry ? a.entry < b.entry : a.shared && !b.shared;
                   });
  for (std::size_t i = 0; i < items.size();) {
    std::string list;
    const std::string entry = items[i].entry;
    for (; i < items.size() && items[i].entry == entry; ++i) {
      add_attributes(list, items[i], attributes);
    }
    if (!list.empty()) {
      session.out.untagged("ANNOTATION {} \"{}\" ({})",
                           mailbox.empty() ? "\"\"" : session.quoted_name(mailbox), entry, list);
    }
  }
  session.out.relieve();
}

}  // namespace

Result<Answer> run_getmetadata(Invocation& invocation) {
  Session& session = invocation.session;
  CYR_TRY(const GetRequest request, parse_get(invocation.parser));
  if (!request.mailbox.empty()) {
    CYR_TRY(const bool sees, sees_entries(session, request.mailbox));
    if (!sees) {
      return ok();
    }
  }
  CYR_TRY(const std::string mailbox, target_of(session, request.mailbox));
  CYR_TRY(const auto all, all_items(session, mailbox));
  CYR_TRY(const Selection selection, select_items(all, request));
  write_metadata(session, mailbox, selection.items);
  if (selection.too_long > 0) {
    return ok(fmt::format("[METADATA LONGENTRIES {}] Completed", selection.too_long));
  }
  return ok();
}

Result<Answer> run_setmetadata(Invocation& invocation) {
  Session& session = invocation.session;
  CommandParser& parser = invocation.parser;
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string name, parser.astring());
  CYR_CHECK(parser.space());
  std::vector<store::MetadataItem> items;
  const auto take_one = [&]() -> Status {
    CYR_TRY(const std::string entry, parser.astring());
    CYR_CHECK(parser.space());
    CYR_TRY(store::MetadataItem item, split_entry(entry));
    if (is_pattern(item.entry) || item.entry.find("//") != std::string::npos) {
      return bad_argument("Invalid metadata entry");
    }
    CYR_TRY(item.value, parser.nstring());
    items.push_back(std::move(item));
    return success();
  };
  CYR_CHECK(parser.filled_list(take_one));
  CYR_CHECK(parser.end());
  CYR_TRY(const std::string mailbox, target_of(session, name));
  CYR_CHECK(set_items(session, {mailbox}, items));
  return ok();
}

Result<Answer> run_getannotation(Invocation& invocation) {
  Session& session = invocation.session;
  CommandParser& parser = invocation.parser;
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string pattern, parser.list_pattern());
  CYR_CHECK(parser.space());
  CYR_TRY(const auto entries, take_strings(parser));
  CYR_CHECK(parser.space());
  CYR_TRY(const auto attributes, take_strings(parser));
  CYR_CHECK(parser.end());
  if (!legacy_enabled(session)) {
    return no("Permission denied");
  }
  CYR_TRY(const auto mailboxes, annotated(session, pattern));
  for (const std::string& mailbox : mailboxes) {
    CYR_TRY(auto items, all_items(session, mailbox));
    std::erase_if(items, [&](const store::MetadataItem& item) {
      return !item.value || !matches_any(entries, item.entry, '/');
    });
    write_annotations(session, mailbox, std::move(items), attributes);
  }
  return ok();
}

Result<Answer> run_setannotation(Invocation& invocation) {
  Session& session = invocation.session;
  CommandParser& parser = invocation.parser;
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string pattern, parser.list_pattern());
  CYR_CHECK(parser.space());
  std::vector<store::MetadataItem> items;
  const auto take_entry = [&]() -> Status {
    CYR_TRY(const std::string entry, parser.astring());
    CYR_CHECK(parser.space());
    return take_attributes(parser, entry, items);
  };
  CYR_CHECK(parser.peek() == '(' ? parser.list(take_entry) : take_entry());
  CYR_CHECK(parser.end());
  if (!legacy_enabled(session)) {
    return no("Permission denied");
  }
  CYR_TRY(const auto mailboxes, annotated(session, pattern));
  if (mailboxes.empty()) {
    return no("Mailbox does not exist");
  }
  CYR_CHECK(set_items(session, mailboxes, items));
  return ok();
}

}  // namespace cyr::imapd

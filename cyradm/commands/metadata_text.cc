#include "cyradm/commands/metadata_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "format/base/text.h"

namespace cyr::cyradm {
namespace {

constexpr std::string_view private_prefix = "/private";
constexpr std::string_view shared_prefix = "/shared";

template <std::size_t n>
const EntryName* by_word(const std::array<EntryName, n>& table, std::string_view word) {
  const auto found =
      std::find_if(table.begin(), table.end(), [word](const EntryName& name) { return name.word == word; });
  return found != table.end() ? &*found : nullptr;
}

std::string joined(std::string_view prefix, std::string_view path) {
  return std::string(prefix) + std::string(path);
}

// A value as a person reads it; a script gets it as it is.
std::string shown_value(const Session& session, bool terminal, const std::string& value) {
  (void)session;
  if (!terminal) {
    return value;
  }
  std::string out;
  for (const auto line : split(value, '\n')) {
    out.append(out.empty() ? "" : "\n").append(printable(line.substr(0, line.find_last_not_of('\r') + 1)));
  }
  return out;
}

// An entry with the order in which the server sent it: the stock shell's NIL shows whether another one
// followed.
struct Shown {
  MetadataEntry entry;
  bool last = false;
};

void print_group(Session& session, const std::vector<Shown>& all, std::string_view prefix,
                 std::string_view title) {
  bool first = true;
  for (const auto& [entry, last] : all) {
    if (!entry.entry.starts_with(joined(prefix, "/"))) {
      continue;
    }
    if (std::exchange(first, false)) {
      session.out().print("  {}:\n", title);
    }
    const std::string_view name = std::string_view(entry.entry).substr(entry.entry.rfind('/') + 1);
    const std::string value = entry.value ? shown_value(session, session.out().terminal(), *entry.value)
                                          : (session.settings().compat && !last ? "NIL " : "NIL");
    session.out().print("    {}: {}\n", printable(name), value);
  }
}

void print_json(Session& session, const std::string& mailbox, const std::vector<Shown>& all) {
  for (const auto& [entry, last] : all) {
    nlohmann::ordered_json object = {{"mailbox", mailbox}, {"entry", entry.entry}, {"value", nullptr}};
    if (entry.value) {
      object["value"] = *entry.value;
    }
    session.print_json(object);
  }
}

}  // namespace

std::string mboxconfig_entry(std::string_view word, bool is_private) {
  const EntryName* name = by_word(mailbox_entries, word);
  return joined(is_private ? private_prefix : shared_prefix,
                name != nullptr && name->mboxconfig ? name->path : word);
}

std::string server_entry(std::string_view word) {
  const EntryName* name = by_word(server_entries, word);
  return joined(shared_prefix, name != nullptr ? name->path : word);
}

std::string metadata_entry(std::string_view word) {
  const EntryName* name = by_word(mailbox_entries, word);
  return name == nullptr ? std::string(word)
                         : joined(name->usually_private ? private_prefix : shared_prefix, name->path);
}

Status print_metadata(Session& session, const std::string& mailbox, const std::vector<std::string>& entries) {
  CYR_TRY(auto* const store, session.backend());
  std::vector<std::string> patterns = entries;
  if (patterns.empty()) {
    patterns = {joined(private_prefix, "/*"), joined(shared_prefix, "/*")};
  }
  std::vector<Shown> all;
  for (const auto& pattern : patterns) {
    CYR_TRY(auto found, store->metadata(mailbox, pattern));
    for (std::size_t i = 0; i < found.size(); ++i) {
      all.push_back({std::move(found[i]), i + 1 == found.size()});
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Shown& a, const Shown& b) { return a.entry.entry < b.entry.entry; });
  if (session.json()) {
    print_json(session, mailbox, all);
    return success();
  }
  if (!all.empty()) {
    session.out().write(mailbox.empty() ? "{Server Wide}\n" : "{" + session.shown_name(mailbox) + "}:\n");
  }
  print_group(session, all, private_prefix, "private");
  print_group(session, all, shared_prefix, "shared");
  return success();
}

Status print_metadata_of(Session& session, const std::vector<std::string>& operands,
                         const std::vector<std::string>& entries) {
  const std::string name = operands.empty() ? std::string() : session.mailbox_name(operands[0]);
  if (!Session::is_pattern(name)) {
    return print_metadata(session, name, entries);
  }
  CYR_TRY(const auto matches, session.matching(name));
  for (const auto& mailbox : matches) {
    if (auto shown = print_metadata(session, mailbox, entries); !shown) {
      return prefixed(std::move(shown).error(), mailbox);
    }
  }
  return success();
}

Status change_metadata(Session& session, const std::string& mailbox, const std::string& entry,
                       const std::optional<std::string>& value) {
  CYR_TRY(auto* const store, session.backend());
  std::optional<std::string> before;
  bool known = false;
  if (session.wants_undo()) {
    const auto found = store->metadata(mailbox, entry);
    known = found.has_value();
    if (known && !found->empty()) {
      before = found->front().value;
    }
  }
  CYR_CHECK(store->set_metadata(mailbox, entry, value && *value == "none" ? std::nullopt : value));
  if (known) {
    session.undo_hint({"setmetadata", mailbox, entry, before.value_or("none")});
  }
  return success();
}

}  // namespace cyr::cyradm

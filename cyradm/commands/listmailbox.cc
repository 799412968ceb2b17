#include <algorithm>
#include <nlohmann/json.hpp>

#include "cyradm/commands/all.h"
#include "cyradm/session.h"
#include "format/base/merge_runs.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Option, 5> listmailbox_options = {{
    {"subscribed", {}, "only subscribed ones"},
    {"specialuse", {}, "only those with a special use"},
    {"recursivematch", {}, "also those that hold one that matches"},
    {"one-per-line", {}, "names only, one a line"},
    {"json", {}, "a JSON object a line"},
}};
constexpr std::array<Word, 2> listmailbox_words = {Word::mailbox, Word::other};

std::string entry_of(const Session& session, const MailboxRow& row) {
  std::string out = session.shown_name(row.name);
  constexpr std::size_t usual_attributes = 32;
  out.reserve(out.size() + usual_attributes);
  std::string_view before = " (";
  for (const std::string& attribute : row.attributes) {
    out.append(before).append(attribute);
    before = " ";
  }
  out += row.attributes.empty() ? "" : ")";
  if (!row.extended.empty()) {
    out += " (" + row.extended + ")";
  }
  return out;
}

// Characters, not bytes: continuation bytes of UTF-8 take no room.
std::size_t shown_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

// Columns filled downwards, as the stock shell does it: width of the longest entry + 1, each cell padded to
// one more, the last of a line too.
void print_columns(Session& session, std::vector<std::string>& entries) {
  if (entries.empty()) {
    return;
  }
  merge_runs(entries.begin(), entries.end(), std::less<>());
  std::size_t width = 0;
  for (const auto& entry : entries) {
    width = std::max(width, shown_width(entry) + 1);
  }
  const std::size_t line = line_width(session.out());
  width = std::min(width, line);
  const std::size_t columns = std::max<std::size_t>(1, line / width);
  const std::size_t rows = (entries.size() + columns - 1) / columns;
  std::string text;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t at = row; at < entries.size(); at += rows) {
      const std::size_t own = shown_width(entries[at]);
      text.append(entries[at]).append(own < width + 1 ? width + 1 - own : 0, ' ');
    }
    text.push_back('\n');
    session.out().write(text);
    text.clear();
  }
}

void print_json(Session& session, const MailboxRow& row) {
  nlohmann::ordered_json object = {{"name", row.name}, {"attributes", row.attributes}};
  if (!row.extended.empty()) {
    object["extended"] = row.extended;
  }
  session.print_json(object);
}

Status run_listmailbox(Session& session, const Arguments& arguments) {
  session.set_json_once(arguments.has("json"));
  CYR_TRY(auto* const store, session.backend());
  ListQuery query;
  query.subscribed = arguments.has("subscribed");
  query.special_use = arguments.has("specialuse");
  query.recursive_match = arguments.has("recursivematch");
  if (!arguments.operands.empty()) {
    query.pattern = session.mailbox_name(arguments.operands[0]);
  }
  if (arguments.operands.size() > 1) {
    query.reference = session.mailbox_name(arguments.operands[1]);
  }
  const bool names_only = arguments.has("one-per-line");
  std::vector<std::string> entries;
  CYR_CHECK(store->list(query, [&](MailboxRow row) {
    if (session.json()) {
      print_json(session, row);
    } else {
      entries.push_back(names_only ? session.shown_name(row.name) : entry_of(session, row));
    }
    return success();
  }));
  if (!names_only) {
    print_columns(session, entries);
    return success();
  }
  merge_runs(entries.begin(), entries.end(), std::less<>());
  for (const auto& entry : entries) {
    session.out().write(entry + "\n");
  }
  return success();
}

}  // namespace

constexpr Command listmailbox = {
    .name = "listmailbox",
    .aliases = {"lm"},
    .synopsis = "[-subscribed] [-specialuse] [pattern [base]]",
    .summary = "list mailboxes",
    .options = listmailbox_options,
    .most = 2,
    .words = listmailbox_words,
    .bare_errors = true,
    .details =
        "In a pattern * stands for anything and % for anything within one level. With -one-per-line only\n"
        "the names are printed, for scripts; with -json each mailbox is an object.",
    .examples =
        "lm\n"
        "lm user/bovik*\n"
        "lm % user/",
    .run = &run_listmailbox,
};

}  // namespace cyr::cyradm::commands

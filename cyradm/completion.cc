#include "cyradm/completion.h"

#include <algorithm>

#include "cyradm/commands/metadata_text.h"
#include "cyradm/commands/rights_macros.h"
#include "cyradm/shell_parser.h"
#include "format/base/text.h"

namespace cyr::cyradm {
namespace {

constexpr std::array<std::string_view, 4> resources = {"STORAGE", "MESSAGE", "X-NUM-FOLDERS",
                                                       "X-ANNOTATION-STORAGE"};
constexpr std::array<std::string_view, 7> special_uses = {"\\Archive", "\\Drafts", "\\Flagged", "\\Important",
                                                          "\\Junk",    "\\Sent",   "\\Trash"};
constexpr std::array<std::string_view, 2> everybody = {"anonymous", "anyone"};
constexpr std::chrono::seconds remembered{10};
constexpr std::size_t most_names = 5000;

std::vector<std::string> beginning_with(std::vector<std::string> words, std::string_view prefix) {
  words.erase(std::remove_if(words.begin(), words.end(),
                             [prefix](const std::string& word) { return !word.starts_with(prefix); }),
              words.end());
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

template <class Table>
std::vector<std::string> names_in(const Table& table) {
  std::vector<std::string> out;
  for (const auto& row : table) {
    if constexpr (requires { row.word; }) {
      out.emplace_back(row.word);
    } else if constexpr (requires { row.name; }) {
      out.emplace_back(row.name);
    } else {
      out.emplace_back(row);
    }
  }
  return out;
}

std::vector<std::string> command_words() {
  std::vector<std::string> out;
  for (const auto* command : all_commands()) {
    out.emplace_back(command->name);
    for (const auto alias : command->aliases) {
      if (!alias.empty()) {
        out.emplace_back(alias);
      }
    }
  }
  return out;
}

std::vector<std::string> option_words(const Command& command) {
  std::vector<std::string> out;
  for (const auto& option : command.options) {
    out.push_back((option.name.size() == 1 ? "-" : "--") + std::string(option.name));
  }
  return out;
}

// Where in the command the next word stands.
struct Place {
  bool option = false;  // it may be an option
  Word kind = Word::other;
};

Place place_after(const Command& command, const std::vector<std::string>& words) {
  std::size_t operands = 0;
  bool options_over = false;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (options_over || !words[i].starts_with('-')) {
      ++operands;
      options_over = true;
      continue;
    }
    if (words[i] == "--") {
      options_over = true;
      continue;
    }
    const std::string_view name = std::string_view(words[i]).substr(words[i].find_first_not_of('-'));
    const auto option = std::find_if(command.options.begin(), command.options.end(),
                                     [name](const Option& one) { return one.name.starts_with(name); });
    if (option != command.options.end() && option->value && ++i == words.size()) {
      return {false, *option->value};  // its value comes next
    }
  }
  return {!options_over, command.word_at(operands)};
}

}  // namespace

Candidates Completer::complete(std::string_view before, const std::string& word) {
  const auto parsed = parse_line(before, environment_variable);
  std::vector<std::string> words;
  if (parsed && !parsed->commands.empty()) {
    const auto text_end = before.find_last_not_of(" \t");
    if (text_end != std::string_view::npos && before[text_end] != ';') {
      words = parsed->commands.back().words;
    }
  }
  if (words.empty()) {
    return {beginning_with(command_words(), word)};
  }
  const Command* command = find_command(words.front());
  if (command == nullptr) {
    return {{}, true};
  }
  const Place place = place_after(*command, words);
  if (place.option && word.starts_with('-')) {
    return {beginning_with(option_words(*command), word)};
  }
  return candidates_for(place.kind, word);
}

Candidates Completer::candidates_for(Word kind, const std::string& word) {
  switch (kind) {
    case Word::command:
      return {beginning_with(command_words(), word)};
    case Word::mailbox:
    case Word::new_mailbox:
      return mailboxes(word);
    case Word::identifier:
      return {beginning_with(identifiers(word), word)};
    case Word::rights:
      return {beginning_with(names_in(rights_macros), word)};
    case Word::partition: {
      const auto store = session_.backend();
      return {beginning_with(store ? (*store)->partitions() : std::vector<std::string>(), word)};
    }
    case Word::special_use:
      return {beginning_with(names_in(special_uses), word)};
    case Word::resource:
      return {beginning_with(names_in(resources), upper_ascii(word))};
    case Word::metadata_key:
      return {beginning_with(names_in(mailbox_entries), word)};
    case Word::server_key:
      return {beginning_with(names_in(server_entries), word)};
    case Word::file:
      return {{}, true};
    default:
      return {};
  }
}

// The names one level below what is typed: "user/bo" asks for "user/bo%".
Candidates Completer::mailboxes(const std::string& word) {
  if (Session::is_pattern(word) || !session_.connected()) {
    return {};
  }
  const auto store = session_.backend();
  const auto separator = store ? (*store)->separator() : Result<char>('/');
  Candidates out;
  out.words = beginning_with(level(session_.mailbox_name(word) + "%"), word);
  if (out.words.size() != 1 || !separator) {
    return out;
  }
  // One match with others below it: go on with them.
  const std::string below = out.words[0] + *separator;
  if (!level(below + "%").empty()) {
    if (out.words[0] != word) {
      out.open_ended = true;
    } else {
      out.words = {below};
      out.open_ended = true;
    }
  }
  return out;
}

const std::vector<std::string>& Completer::level(const std::string& pattern) {
  auto& known = levels_[pattern];
  const auto now = Clock::now();
  if (known.asked != Clock::time_point() && now - known.asked < remembered) {
    return known.names;
  }
  known = {{}, now};
  if (const auto store = session_.backend()) {
    ListQuery query;
    query.pattern = pattern;
    (void)(*store)->list(query, [&known](MailboxRow row) {  // no answer, no candidates
      if (known.names.size() < most_names) {
        known.names.push_back(std::move(row.name));
      }
      return success();
    });
  }
  return known.names;
}

// Those seen in ACLs, the two special ones, and the users.
std::vector<std::string> Completer::identifiers(const std::string& word) {
  std::vector<std::string> out = session_.identifiers();
  out.insert(out.end(), everybody.begin(), everybody.end());
  out.emplace_back("group:");
  const auto store = session_.backend();
  const auto separator = store ? (*store)->separator() : Result<char>('/');
  if (!separator || Session::is_pattern(word)) {
    return out;
  }
  const std::string prefix = std::string("user") + *separator;
  for (const auto& name : level(prefix + session_.mailbox_name(word) + "%")) {
    out.push_back(name.substr(std::min(prefix.size(), name.size())));
  }
  return out;
}

}  // namespace cyr::cyradm

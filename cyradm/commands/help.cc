#include <algorithm>

#include "cyradm/commands/all.h"
#include "cyradm/session.h"
#include "format/base/text.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Word, 1> help_words = {Word::command};

// "lm, alias for listmailbox ...": the stock shell's two lines; a person gets the rest, too.
Status help_on(Session& session, const std::string& word) {
  const Command* command = find_command(word);
  if (command == nullptr) {
    session.out().print("unknown command: {}\n", printable(word));
    return session.reported(make_error(Errc::not_found, "unknown command: " + word));
  }
  if (word != command->name) {
    session.out().print("{}, alias for ", word);
  }
  session.out().print("{} {}\n\t{}\n", command->name, command->synopsis, command->summary);
  if (session.settings().interactive && !session.settings().compat) {
    session.out().write(manual_text(*command));
  }
  return success();
}

std::string names_of(const Command& command) {
  std::string out(command.name);
  for (const auto alias : command.aliases) {
    if (!alias.empty()) {
      out.append(", ").append(alias);
    }
  }
  return out;
}

bool is_stock(const Command& command) { return &command != &import && &command != &quota; }

void print_list(Session& session) {
  std::size_t width = 0;
  for (const auto* command : all_commands()) {
    width = std::max(width, names_of(*command).size());
  }
  for (const auto* command : all_commands()) {
    if (is_stock(*command) || !session.settings().compat) {
      session.out().print("{:<{}}  {}\n", names_of(*command), width, command->summary);
    }
  }
}

Status run_help(Session& session, const Arguments& arguments) {
  if (arguments.operands.empty()) {
    print_list(session);
    return success();
  }
  std::vector<std::string> sorted = arguments.operands;
  std::sort(sorted.begin(), sorted.end());
  Status status = success();
  for (const auto& word : sorted) {
    if (auto shown = help_on(session, word); !shown) {
      status = std::move(shown);
    }
  }
  return status;
}

}  // namespace

constexpr Command help = {
    .name = "help",
    .aliases = {"?"},
    .synopsis = "[command]",
    .summary = "show commands",
    .most = any_number,
    .words = help_words,
    .repeated = 1,
    .needs_server = false,
    .effect = Effect::shell,
    .examples =
        "help\n"
        "help setquota",
    .run = &run_help,
};

}  // namespace cyr::cyradm::commands

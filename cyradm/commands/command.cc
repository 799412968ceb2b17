#include "cyradm/commands/command.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/base/text.h"

namespace cyr::cyradm {
namespace {

const Option* by_name(const Command& command, std::string_view name) {
  const auto found = std::find_if(command.options.begin(), command.options.end(),
                                  [name](const Option& option) { return option.name == name; });
  return found != command.options.end() ? &*found : nullptr;
}

// "-p", "-part", "-partition", "--partition": the first option that it may stand for. A bare "-" is every
// option's prefix.
const Option* option_for(const Command& command, std::string_view word) {
  if (word.starts_with("--")) {
    return by_name(command, word.substr(2));
  }
  const std::string_view prefix = word.substr(1);
  const auto found = std::find_if(command.options.begin(), command.options.end(),
                                  [prefix](const Option& option) { return option.name.starts_with(prefix); });
  return found != command.options.end() ? &*found : nullptr;
}

Error wrong_usage(const Command& command, bool wrong_option) {
  return make_error(Errc::invalid, command.usage_line(wrong_option));
}

}  // namespace

bool Arguments::has(std::string_view option) const {
  return std::any_of(options.begin(), options.end(),
                     [option](const auto& given) { return given.first == option; });
}

std::optional<std::string> Arguments::value(std::string_view option) const {
  std::optional<std::string> out;
  for (const auto& [name, text] : options) {
    if (name == option) {
      out = text;
    }
  }
  return out;
}

std::string Command::usage_line(bool wrong_option) const {
  if (wrong_option && !option_usage.empty()) {
    return "usage: " + std::string(option_usage);
  }
  if (!usage.empty()) {
    return "usage: " + std::string(usage);
  }
  std::string out = "usage: " + std::string(printed_name());
  return synopsis.empty() ? out : out + " " + std::string(synopsis);
}

Word Command::word_at(std::size_t index) const {
  if (words.empty()) {
    return Word::other;
  }
  if (index < words.size()) {
    return words[index];
  }
  return repeated == 0 ? Word::other : words[words.size() - repeated + (index - words.size()) % repeated];
}

std::string manual_text(const Command& command) {
  std::string out;
  for (const auto& option : command.options) {
    const std::string name =
        (option.name.size() == 1 ? "-" : "--") + std::string(option.name) + (option.value ? " ..." : "");
    out += fmt::format("  {:<18} {}\n", name, option.help);
  }
  if (!command.details.empty()) {
    out.append(command.details).append("\n");
  }
  for (const auto example : split(command.examples, '\n')) {
    if (!example.empty()) {
      out.append("  > ").append(example).append("\n");
    }
  }
  return out;
}

Error usage_error(const Command& command) { return wrong_usage(command, false); }

Result<Arguments> parse_arguments(const Command& command, const std::vector<std::string>& words) {
  Arguments out;
  std::size_t at = 0;
  while (at < words.size() && words[at].starts_with('-')) {
    if (words[at] == "-" && command.word_at(0) == Word::file) {
      break;  // standard input; elsewhere a bare "-" is cut from the first option, as in the stock shell
    }
    std::string_view word = words[at++];
    if (word == "--") {
      break;
    }
    std::optional<std::string_view> attached;
    if (const auto equals = word.find('='); word.starts_with("--") && equals != std::string_view::npos) {
      attached = word.substr(equals + 1);
      word = word.substr(0, equals);
    }
    const Option* option = option_for(command, word);
    if (option == nullptr || (attached && !option->value)) {
      return wrong_usage(command, true);
    }
    std::string value;
    if (attached) {
      value = std::string(*attached);
    } else if (option->value) {
      if (at == words.size()) {
        return wrong_usage(command, true);
      }
      value = words[at++];
    }
    out.options.emplace_back(option->name, std::move(value));
  }
  out.operands.assign(words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
  if (out.operands.size() < command.least || out.operands.size() > command.most) {
    return wrong_usage(command, false);
  }
  return out;
}

}  // namespace cyr::cyradm

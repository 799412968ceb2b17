#include "server-min/pop3d/command.h"

#include <algorithm>
#include <array>

#include "format/base/text.h"

namespace cyr::pop3d {
namespace {

enum class Argument : std::uint8_t { none, optional, needed };
struct VerbRow {
  std::string_view name;
  Verb verb;
  bool before_login;
  bool after_login;
  Argument argument;
};
constexpr std::array<VerbRow, 15> verbs = {{{"USER", Verb::user, true, false, Argument::needed},
                                            {"PASS", Verb::pass, true, false, Argument::needed},
                                            {"APOP", Verb::apop, true, false, Argument::needed},
                                            {"AUTH", Verb::auth, true, false, Argument::optional},
                                            {"CAPA", Verb::capa, true, true, Argument::none},
                                            {"STLS", Verb::stls, true, false, Argument::none},
                                            {"QUIT", Verb::quit, true, true, Argument::none},
                                            {"STAT", Verb::stat, false, true, Argument::none},
                                            {"LIST", Verb::list, false, true, Argument::optional},
                                            {"RETR", Verb::retr, false, true, Argument::needed},
                                            {"DELE", Verb::dele, false, true, Argument::needed},
                                            {"NOOP", Verb::noop, false, true, Argument::none},
                                            {"RSET", Verb::rset, false, true, Argument::none},
                                            {"TOP", Verb::top, false, true, Argument::needed},
                                            {"UIDL", Verb::uidl, false, true, Argument::optional}}};

const VerbRow* row_of(Verb verb) {
  const auto* const row =
      std::find_if(verbs.begin(), verbs.end(), [verb](const auto& entry) { return entry.verb == verb; });
  return row == verbs.end() ? nullptr : row;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') {
    text.remove_prefix(1);
  }
  while (!text.empty() && text.back() == ' ') {
    text.remove_suffix(1);
  }
  return text;
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c); });
}

}  // namespace

Command parse_command(std::string_view line) {
  const auto end = std::min(line.find(' '), line.size());
  const std::string name = upper_ascii(line.substr(0, end));
  const auto* const row =
      std::find_if(verbs.begin(), verbs.end(), [&](const auto& entry) { return entry.name == name; });
  if (row == verbs.end()) {
    return {};
  }
  const std::string_view argument = line.substr(std::min(end + 1, line.size()));
  return {row->verb, std::string(row->verb == Verb::pass ? argument : trimmed(argument))};
}

bool allowed(Verb verb, When when) {
  const VerbRow* const row = row_of(verb);
  return row != nullptr && (when == When::before_login ? row->before_login : row->after_login);
}

std::optional<std::string_view> argument_error(const Command& command) {
  const VerbRow* const row = row_of(command.verb);
  if (row != nullptr && row->argument == Argument::needed && command.argument.empty()) {
    return "Missing argument";
  }
  if (row != nullptr && row->argument == Argument::none && !command.argument.empty()) {
    return "Unexpected extra argument";
  }
  return {};
}

std::optional<std::uint32_t> parse_message_number(std::string_view text) {
  if (!all_digits(text)) {
    return {};
  }
  return parse_number<std::uint32_t>(text).value_or(0);
}

Result<TopArguments> parse_top(std::string_view argument) {
  const auto space = argument.find(' ');
  if (space == std::string_view::npos) {
    return make_error(Errc::invalid, "Missing argument");
  }
  const auto message = parse_message_number(argument.substr(0, space));
  const std::string_view lines = trimmed(argument.substr(space));
  if (!message) {
    return make_error(Errc::invalid, "Not a number");
  }
  if (!all_digits(lines)) {
    return make_error(Errc::invalid, "Invalid number of lines");
  }
  // More lines than there are numbers for are all of them.
  return TopArguments{*message, parse_number<std::uint64_t>(lines).value_or(UINT64_MAX)};
}

}  // namespace cyr::pop3d

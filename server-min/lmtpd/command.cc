#include "server-min/lmtpd/command.h"

#include <algorithm>
#include <array>

#include "format/base/text.h"

namespace cyr::lmtpd {
namespace {

struct VerbName {
  std::string_view name;
  Verb verb;
  bool takes_argument;
};
constexpr std::array<VerbName, 10> verbs = {{{"LHLO", Verb::lhlo, true},
                                             {"MAIL", Verb::mail, true},
                                             {"RCPT", Verb::rcpt, true},
                                             {"DATA", Verb::data, false},
                                             {"RSET", Verb::rset, false},
                                             {"NOOP", Verb::noop, false},
                                             {"VRFY", Verb::vrfy, true},
                                             {"QUIT", Verb::quit, false},
                                             {"AUTH", Verb::auth, true},
                                             {"STARTTLS", Verb::starttls, false}}};

constexpr std::size_t most_parameters = 64;

Error bad_path() { return make_error(Errc::invalid, "Syntax error in parameters"); }

// Takes a local part, quoted or not, up to an '@', '>' or the end outside quotes.
Result<std::string> take_local(std::string_view& text) {
  std::string out;
  bool quoted = false;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      quoted = !quoted;
    } else if (c == '\\' && at + 1 < text.size()) {
      out += text[++at];
    } else if (!quoted && (c == '@' || c == '>')) {
      break;
    } else if (!quoted && (c == ' ' || c == '<')) {
      return bad_path();
    } else {
      out += c;
    }
  }
  if (quoted) {
    return bad_path();
  }
  text.remove_prefix(at);
  return out;
}

// "@a,@b:" in front of an address means nothing any more.
void drop_route(std::string_view& text) {
  const auto colon = !text.empty() && text.front() == '@' ? text.find(':') : std::string_view::npos;
  if (colon != std::string_view::npos && text.substr(0, colon).find('>') == std::string_view::npos) {
    text.remove_prefix(colon + 1);
  }
}

bool is_domain_byte(char c) {
  return is_alnum(c) || c == '.' || c == '-' || c == '_' || c == '[' || c == ']' || c == ':' ||
         (c & '\x80') != 0;
}

Result<std::string> take_domain(std::string_view& text) {
  if (text.empty() || text.front() != '@') {
    return std::string();
  }
  text.remove_prefix(1);
  const auto end = std::find_if_not(text.begin(), text.end(), is_domain_byte);
  std::string out(text.begin(), end);
  text.remove_prefix(out.size());
  return out.empty() ? Result<std::string>(bad_path()) : out;
}

Result<std::vector<Parameter>> parse_parameters(std::string_view text) {
  std::vector<Parameter> out;
  for (const std::string_view word : split(text, ' ')) {
    if (word.empty()) {
      continue;
    }
    if (out.size() == most_parameters) {
      return bad_path();
    }
    const auto equals = word.find('=');
    Parameter parameter{upper_ascii(word.substr(0, equals)), {}};
    if (equals != std::string_view::npos) {
      parameter.value = word.substr(equals + 1);
    }
    out.push_back(std::move(parameter));
  }
  return out;
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
  std::string argument(line.substr(std::min(end + 1, line.size())));
  while (!argument.empty() && argument.back() == ' ') {
    argument.pop_back();
  }
  const bool fits = row->takes_argument ? !argument.empty() : argument.empty();
  return fits ? Command{row->verb, std::move(argument)} : Command{};
}

Result<PathArgument> parse_path(std::string_view argument, std::string_view keyword, bool strict) {
  if (!starts_with_ignoring_case(argument, keyword)) {
    return bad_path();
  }
  argument.remove_prefix(keyword.size());
  while (!argument.empty() && argument.front() == ' ') {
    argument.remove_prefix(1);
  }
  const auto bad_byte = [strict](char c) {
    return (c >= 0 && c < ' ') || c == '\x7f' || (strict && (c & '\x80') != 0);
  };
  if (argument.empty() || argument.front() != '<' ||
      std::any_of(argument.begin(), argument.end(), bad_byte)) {
    return bad_path();
  }
  argument.remove_prefix(1);
  PathArgument out;
  const std::string_view whole = argument;
  drop_route(argument);
  CYR_TRY(out.address.local, take_local(argument));
  CYR_TRY(out.address.domain, take_domain(argument));
  if (argument.empty() || argument.front() != '>') {
    return bad_path();
  }
  out.text = whole.substr(0, whole.size() - argument.size());
  out.null = out.text.empty();
  argument.remove_prefix(1);
  if (!argument.empty() && argument.front() != ' ') {
    return bad_path();
  }
  CYR_TRY(out.parameters, parse_parameters(argument));
  return out;
}

std::optional<std::string> decode_xtext(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '+') {
      out += text[i];
      continue;
    }
    const auto value = i + 2 < text.size() ? parse_number<unsigned>(text.substr(i + 1, 2), 16) : std::nullopt;
    if (!value) {
      return {};
    }
    out += static_cast<char>(*value);
    i += 2;
  }
  return out;
}

}  // namespace cyr::lmtpd

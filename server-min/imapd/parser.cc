// The command parser. See parser.h.
#include "server-min/imapd/parser.h"

#include <algorithm>

#include "format/base/text.h"

namespace cyr::imapd {

namespace {

constexpr std::uint64_t kLiteralMinusMax = 4096;  // RFC 7888 5

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

// The announcement of a literal at the end of a line: "{12}", "{12+}", "~{12}".
std::optional<LiteralStart> announced_literal(std::string_view line) {
  if (line.empty() || line.back() != '}') {
    return {};
  }
  const std::size_t open = line.rfind('{');
  if (open == std::string_view::npos) {
    return {};
  }
  LiteralStart start;
  std::string_view digits = line.substr(open + 1, line.size() - open - 2);
  if (!digits.empty() && digits.back() == '+') {
    start.synchronizing = false;
    digits.remove_suffix(1);
  }
  const auto size = parse_number<std::uint64_t>(digits);
  if (!size) {
    return {};
  }
  start.size = *size;
  start.binary = open > 0 && line[open - 1] == '~';
  return start;
}

}  // namespace

Error bad_argument(std::string text) { return make_error(Errc::invalid, std::move(text)); }

bool is_atom_char(char c) {
  return !is_control(c) && static_cast<unsigned char>(c) < 0x80 &&
         std::string_view(" (){%*\"\\]").find(c) == std::string_view::npos;
}

Status CommandParser::begin() {
  used_ = 0;
  command_.clear();
  return next_line();
}

Status CommandParser::next_line() {
  line_.clear();
  at_ = 0;
  CYR_TRY(line_, source_.line(limits_.line));
  return success();
}

Status CommandParser::finish() {
  while (true) {
    const auto start = announced_literal(rest());
    at_ = line_.size();
    if (!start || start->synchronizing) {
      return success();
    }
    CYR_CHECK(source_.literal(start->size, [](Bytes) { return success(); }));
    auto line = source_.line(limits_.line);
    if (!line && line.error().code != Errc::invalid) {
      return std::move(line).error();
    }
    line_ = line ? std::move(*line) : std::string();
    at_ = 0;
  }
}

Status CommandParser::count(std::size_t bytes) {
  used_ += bytes;
  if (used_ > limits_.total) {
    return bad_argument("Too many arguments to " + command_);
  }
  return success();
}

bool CommandParser::accept(char c) {
  if (at_end() || line_[at_] != c) {
    return false;
  }
  ++at_;
  return true;
}

bool CommandParser::accept_word(std::string_view text) {
  if (!starts_with_ignoring_case(rest(), text)) {
    return false;
  }
  const std::string_view after = rest().substr(text.size());
  if (!after.empty() && is_atom_char(after.front()) && after.front() != '[') {
    return false;
  }
  at_ += text.size();
  return true;
}

Status CommandParser::space() {
  if (!accept(' ') || at_end()) {
    return bad_argument("Missing required argument to " + command_);
  }
  return success();
}

Status CommandParser::end() {
  if (!at_end()) {
    return bad_argument("Unexpected extra arguments to " + command_);
  }
  return success();
}

Status CommandParser::expect(char c) {
  if (accept(c)) {
    return success();
  }
  return bad_argument(c == ')'   ? "Missing close parenthesis in " + command_
                      : at_end() ? "Missing required argument to " + command_
                                 : "Invalid arguments to " + command_);
}

Result<std::string> CommandParser::tag() {
  std::size_t end = at_;
  while (end < line_.size() && is_atom_char(line_[end]) && line_[end] != '+') {
    ++end;
  }
  if (end == at_ || (end < line_.size() && line_[end] != ' ')) {
    return std::string();
  }
  std::string tag = line_.substr(at_, end - at_);
  at_ = end;
  return tag;
}

std::string CommandParser::word() {
  const std::size_t start = at_;
  while (at_ < line_.size() && is_atom_char(line_[at_]) && line_[at_] != '[') {
    ++at_;
  }
  return line_.substr(start, at_ - start);
}

std::string CommandParser::take_rest() {
  std::string rest_of_line = line_.substr(at_);
  at_ = line_.size();
  return rest_of_line;
}

Result<std::string> CommandParser::atom() {
  const std::size_t start = at_;
  while (at_ < line_.size() && is_atom_char(line_[at_])) {
    ++at_;
  }
  if (at_ == start) {
    return bad_argument(at_end() ? "Missing required argument to " + command_
                                 : "Invalid arguments to " + command_);
  }
  CYR_CHECK(count(at_ - start));
  if (at_ - start > limits_.word) {
    return bad_argument("Word too long in " + command_);
  }
  return line_.substr(start, at_ - start);
}

Result<std::string> CommandParser::quoted() {
  ++at_;
  std::string text;
  while (at_ < line_.size()) {
    char c = line_[at_++];
    if (c == '"') {
      CYR_CHECK(count(text.size()));
      if (text.size() > limits_.word) {
        return bad_argument("Quoted string too long in " + command_);
      }
      return text;
    }
    if (c == '\\') {
      if (at_ == line_.size()) {
        break;
      }
      c = line_[at_++];
    }
    if (c == '\0' || c == '\r') {
      break;
    }
    text += c;
  }
  return bad_argument("Missing required argument to " + command_);
}

Result<LiteralStart> CommandParser::literal_start() {
  const std::size_t brace = at_ + (peek() == '~' ? 1 : 0);
  const auto start = announced_literal(rest());
  if (!start || brace >= line_.size() || line_[brace] != '{' ||
      line_.find('{', brace + 1) != std::string::npos) {
    return bad_argument("Invalid literal in " + command_);
  }
  at_ = line_.size();
  if (limits_.literal_minus && !start->synchronizing && start->size > kLiteralMinusMax) {
    CYR_CHECK(skip_literal(*start));
    return bad_argument("[TOOBIG] Non-synchronizing literal too large");
  }
  return *start;
}

Status CommandParser::skip_literal(const LiteralStart& start) {
  if (start.synchronizing) {
    return success();
  }
  CYR_CHECK(source_.literal(start.size, [](Bytes) { return success(); }));
  return next_line();
}

Status CommandParser::read_literal(const LiteralStart& start, const CommandSource::Take& take) {
  if (start.synchronizing) {
    CYR_CHECK(source_.go_ahead("go ahead"));
  }
  Status taken = source_.literal(start.size, take);
  if (!taken && taken.error().code == Errc::cancelled) {
    return taken;
  }
  CYR_CHECK(next_line());
  return taken;
}

Result<std::string> CommandParser::literal() {
  CYR_TRY(const LiteralStart start, literal_start());
  if (start.size > limits_.literal || used_ + start.size > limits_.total) {
    CYR_CHECK(skip_literal(start));
    return bad_argument("[TOOBIG] Literal too large in " + command_);
  }
  CYR_CHECK(count(static_cast<std::size_t>(start.size)));
  std::string text;
  text.reserve(static_cast<std::size_t>(start.size));
  CYR_CHECK(read_literal(start, [&](Bytes piece) {
    text += as_text(piece);
    return success();
  }));
  if (!start.binary && text.find('\0') != std::string::npos) {
    return bad_argument("Invalid literal in " + command_);
  }
  return text;
}

Result<std::string> CommandParser::string() {
  switch (peek()) {
    case '"':
      return quoted();
    case '{':
    case '~':
      return literal();
    default:
      return bad_argument(at_end() ? "Missing required argument to " + command_
                                   : "Invalid arguments to " + command_);
  }
}

Result<std::string> CommandParser::astring() {
  const char c = peek();
  if (c == '"' || c == '{') {
    return string();
  }
  const std::size_t start = at_;
  // ASTRING-CHAR is ATOM-CHAR and ']'. Clients also send raw 8-bit names and backslashes ("\Trash"), which
  // the handler judges.
  while (at_ < line_.size() &&
         (is_atom_char(line_[at_]) || line_[at_] == ']' || line_[at_] == '\\' || line_[at_] == '%' ||
          line_[at_] == '*' || static_cast<unsigned char>(line_[at_]) >= 0x80)) {
    ++at_;
  }
  if (at_ == start) {
    return bad_argument(at_end() ? "Missing required argument to " + command_
                                 : "Invalid arguments to " + command_);
  }
  CYR_CHECK(count(at_ - start));
  if (at_ - start > limits_.word) {
    return bad_argument("Word too long in " + command_);
  }
  return line_.substr(start, at_ - start);
}

Result<std::string> CommandParser::list_pattern() { return astring(); }

Result<std::optional<std::string>> CommandParser::nstring() {
  if (peek() == '~') {
    CYR_TRY(std::string text, literal());
    return std::optional(std::move(text));
  }
  const bool bare = peek() != '"' && peek() != '{';
  CYR_TRY(std::string text, astring());
  if (bare && equal_ignoring_case(text, "NIL")) {
    return std::optional<std::string>();
  }
  return std::optional(std::move(text));
}

Result<std::string> CommandParser::flag() {
  const bool system = accept('\\');
  // No atom has a ']', but keywords of stores have, which must be good for taking away, too.
  const std::size_t start = at_;
  while (at_ < line_.size() && (is_atom_char(line_[at_]) || line_[at_] == ']')) {
    ++at_;
  }
  if (at_ == start) {
    return atom();  // which says what is wrong
  }
  CYR_CHECK(count(at_ - start));
  if (at_ - start > limits_.word) {
    return bad_argument("Word too long in " + command_);
  }
  const std::string name = line_.substr(start, at_ - start);
  return system ? "\\" + name : name;
}

Result<std::uint64_t> CommandParser::number(std::uint64_t max) {
  const std::size_t start = at_;
  while (at_ < line_.size() && is_digit(line_[at_])) {
    ++at_;
  }
  const auto value = parse_number<std::uint64_t>(std::string_view(line_).substr(start, at_ - start));
  if (!value || *value > max) {
    return bad_argument(at_ == start && at_end() ? "Missing required argument to " + command_
                                                 : "Invalid number in " + command_);
  }
  return *value;
}

Result<std::string> CommandParser::sequence() {
  const std::size_t start = at_;
  if (accept('$')) {
    return std::string("$");
  }
  while (at_ < line_.size() &&
         (is_digit(line_[at_]) || line_[at_] == '*' || line_[at_] == ':' || line_[at_] == ',')) {
    ++at_;
  }
  if (at_ == start && at_end()) {
    return bad_argument("Missing required argument to " + command_);
  }
  std::string text = line_.substr(start, at_ - start);
  CYR_CHECK(count(text.size()));
  if (!parse_sequence(text) || (!at_end() && peek() != ' ' && peek() != ')')) {
    return bad_argument("Invalid sequence in " + command_);
  }
  return text;
}

Status CommandParser::list(const std::function<Status()>& item) {
  CYR_CHECK(expect('('));
  return accept(')') ? success() : rest_of_list(item);
}

Status CommandParser::filled_list(const std::function<Status()>& item) {
  CYR_CHECK(expect('('));
  return peek() == ')' ? Status(bad_argument("Missing required argument to " + command_))
                       : rest_of_list(item);
}

Status CommandParser::rest_of_list(const std::function<Status()>& item) {
  do {
    CYR_CHECK(item());
  } while (accept(' '));
  return expect(')');
}

namespace {

Result<std::optional<std::uint32_t>> sequence_number(std::string_view text) {
  if (text == "*") {
    return std::optional<std::uint32_t>();
  }
  const auto number = parse_number<std::uint32_t>(text);
  if (!number) {
    return bad_argument("Invalid sequence");
  }
  return std::optional(*number);
}

}  // namespace

Result<std::vector<SequenceRange>> parse_sequence(std::string_view text) {
  std::vector<SequenceRange> ranges;
  for (const std::string_view piece : split(text, ',')) {
    const std::size_t colon = piece.find(':');
    SequenceRange range;
    CYR_TRY(range.first, sequence_number(piece.substr(0, colon)));
    range.last = range.first;
    if (colon != std::string_view::npos) {
      CYR_TRY(range.last, sequence_number(piece.substr(colon + 1)));
    }
    ranges.push_back(range);
  }
  return ranges;
}

text::SequenceSet resolve_sequence(const std::vector<SequenceRange>& ranges, std::uint32_t star) {
  text::SequenceSet set;
  for (const SequenceRange& range : ranges) {
    const auto [low, high] = std::minmax({range.first.value_or(star), range.last.value_or(star)});
    if (high > 0) {
      set.add(std::max(low, std::uint32_t{1}), high);
    }
  }
  return set;
}

}  // namespace cyr::imapd

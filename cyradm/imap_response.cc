#include "cyradm/imap_response.h"

#include <algorithm>
#include <array>

#include "format/base/text.h"
#include "format/text/imap_string.h"

namespace cyr::cyradm {
namespace {

constexpr std::array<std::string_view, 5> status_words = {"OK", "NO", "BAD", "BYE", "PREAUTH"};

bool is_status(std::string_view word) {
  return std::find(status_words.begin(), status_words.end(), word) != status_words.end();
}

// The first word of `text`, and what follows the blank after it.
std::pair<std::string_view, std::string_view> first_word(std::string_view text) {
  const auto space = text.find(' ');
  return space == std::string_view::npos ? std::pair(text, std::string_view())
                                         : std::pair(text.substr(0, space), text.substr(space + 1));
}

class ValueParser {
 public:
  ValueParser(std::string_view text, std::size_t offset) : text_(text), offset_(offset) {}

  // Everything up to the end. Open lists stand on a stack of our own, so that depth costs no call.
  Result<std::vector<ImapValue>> parse() {
    constexpr std::size_t usual = 4;  // what LIST needs
    open_.reserve(usual);
    open_.emplace_back().items.reserve(usual);
    while (true) {
      while (at_ < text_.size() && text_[at_] == ' ') {
        ++at_;
      }
      if (at_ == text_.size()) {
        break;
      }
      CYR_CHECK(value());
    }
    if (open_.size() != 1) {
      return corrupt("a list is not closed", offset_ + at_);
    }
    return std::move(open_.back().items);
  }

 private:
  Status value() {
    const std::size_t begin = at_;
    if (text_[at_] == '(') {
      if (open_.size() > static_cast<std::size_t>(max_value_depth)) {
        return corrupt("lists too deep in each other", offset_ + at_);
      }
      ++at_;
      open_.emplace_back();
      open_.back().kind = ImapValue::Kind::list;
      return success();
    }
    if (text_[at_] == ')') {
      return close_list();
    }
    text::StringReader reader(text_.substr(at_));
    const bool bare = text_[at_] != '"' && text_[at_] != '{';
    auto read = reader.astring();
    if (!read) {
      Error error = std::move(read).error();
      error.offset = offset_ + begin + error.offset.value_or(0);
      return error;
    }
    if (reader.offset() == 0) {
      return corrupt("no value", offset_ + at_);
    }
    at_ += reader.offset();
    ImapValue out;
    out.kind = bare && equal_ignoring_case(*read, "NIL") ? ImapValue::Kind::nil : ImapValue::Kind::string;
    out.text = std::move(*read);
    open_.back().items.push_back(std::move(out));
    return success();
  }

  Status close_list() {
    if (open_.size() == 1) {
      return corrupt("a list is closed that was not opened", offset_ + at_);
    }
    ++at_;
    ImapValue list = std::move(open_.back());
    open_.pop_back();
    open_.back().items.push_back(std::move(list));
    return success();
  }

  std::string_view text_;
  std::size_t offset_;
  std::size_t at_ = 0;
  std::vector<ImapValue> open_;
};

// "[CODE ...] text". The code ends at the first bracket outside quotes.
void split_code(std::string_view text, ImapResponse& out) {
  bool quoted = false;
  for (std::size_t i = 1; text.starts_with('[') && i < text.size(); ++i) {
    if (text[i] == '\\' && quoted) {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == ']' && !quoted) {
      out.code = std::string(text.substr(1, i - 1));
      text.remove_prefix(i + 1);
      if (text.starts_with(' ')) {
        text.remove_prefix(1);
      }
      break;
    }
  }
  out.text = std::string(text);
}

}  // namespace

std::optional<std::string> ImapValue::nstring() const {
  return kind == Kind::nil ? std::nullopt : std::optional<std::string>(text);
}

std::string ImapResponse::code_word() const { return upper_ascii(first_word(code).first); }
std::string ImapResponse::code_rest() const { return std::string(first_word(code).second); }

Result<ImapResponse> parse_response(std::string_view response) {
  ImapResponse out;
  const auto [tag, rest] = first_word(response);
  if (tag.empty()) {
    return corrupt("a response without a tag", 0);
  }
  out.tag = std::string(tag);
  out.size = response.size();
  if (tag == "+") {
    out.kind = ImapResponse::Kind::continuation;
    out.text = std::string(rest);
    return out;
  }
  const auto [word, text] = first_word(rest);
  out.word = upper_ascii(word);
  if (is_status(out.word)) {
    out.kind = ImapResponse::Kind::status;
    split_code(text, out);
    return out;
  }
  if (tag != "*" || word.empty()) {
    return corrupt("no response of IMAP", 0);
  }
  const auto offset = static_cast<std::size_t>(text.data() - response.data());
  CYR_TRY(out.values, ValueParser(text, text.empty() ? response.size() : offset).parse());
  return out;
}

Result<std::optional<std::uint64_t>> literal_announced(std::string_view response, std::string_view line) {
  if (!line.ends_with('}')) {
    return std::optional<std::uint64_t>();
  }
  const auto [tag, rest] = first_word(response);
  if (tag != "*" || is_status(upper_ascii(first_word(rest).first))) {
    return std::optional<std::uint64_t>();
  }
  const auto open = line.rfind('{');
  if (open == std::string_view::npos) {
    return std::optional<std::uint64_t>();
  }
  std::string_view digits = line.substr(open + 1, line.size() - open - 2);
  if (digits.ends_with('+')) {
    digits.remove_suffix(1);
  }
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), is_digit)) {
    return std::optional<std::uint64_t>();  // the end of an atom
  }
  const auto size = parse_number<std::uint64_t>(digits);
  if (!size) {
    return corrupt("a literal of " + std::string(digits) + " bytes");
  }
  return std::optional<std::uint64_t>(size);
}

}  // namespace cyr::cyradm

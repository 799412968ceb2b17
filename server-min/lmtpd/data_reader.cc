#include "server-min/lmtpd/data_reader.h"

#include "format/base/text.h"

namespace cyr::lmtpd {
namespace {

constexpr std::size_t most_held = 64U << 10U;  // bytes of a line, and of a field

// The value with its line ends and the spaces around it taken off.
std::string unfolded(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c != '\r' && c != '\n' && (!out.empty() || !is_space(c))) {
      out += c;
    }
  }
  while (!out.empty() && is_space(out.back())) {
    out.pop_back();
  }
  return out;
}

// "<id@host>" of a Message-ID field, with its brackets; the whole value when there are none.
std::string id_of(std::string_view value) {
  const std::string text = unfolded(value);
  const auto open = text.find('<');
  const auto close = open == std::string::npos ? open : text.find('>', open);
  return close == std::string::npos ? text : text.substr(open, close - open + 1);
}

}  // namespace

Result<std::size_t> DataReader::feed(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && !done_) {
    const auto end = bytes.find('\n', used);
    const bool complete = end != std::string_view::npos;
    const std::string_view piece = bytes.substr(used, complete ? end + 1 - used : std::string_view::npos);
    line_.append(piece);
    used += piece.size();
    if (complete) {
      CYR_CHECK(end_line());
    } else if (line_.size() > most_held) {
      CYR_CHECK(end_line());
      partial_ = true;
    }
  }
  return used;
}

Status DataReader::end_line() {
  std::string_view text = line_;
  const bool starts_line = !partial_;
  partial_ = false;
  if (starts_line && (text == ".\r\n" || text == ".\n")) {
    done_ = true;
    line_.clear();
    return end_field();
  }
  if (starts_line && text.front() == '.') {
    text.remove_prefix(1);
  }
  Status taken = take_text(text, starts_line);
  line_.clear();
  return taken;
}

Status DataReader::take_text(std::string_view text, bool starts_line) {
  if (!in_header_) {
    return sink_(text);
  }
  if (starts_line && (text == "\r\n" || text == "\n")) {
    CYR_CHECK(end_field());
    in_header_ = false;
    return sink_(text);
  }
  const bool continues = !starts_line || (!text.empty() && (text.front() == ' ' || text.front() == '\t'));
  if (!continues) {
    CYR_CHECK(end_field());
  }
  field_.append(text);
  if (field_.size() > most_held) {
    CYR_CHECK(sink_(field_));
    field_.clear();
    overflow_ = true;
  }
  return success();
}

Status DataReader::end_field() {
  const std::string field = std::move(field_);
  field_.clear();
  const bool whole = !overflow_;
  overflow_ = false;
  if (field.empty()) {
    return success();
  }
  const auto colon = whole ? field.find(':') : std::string::npos;
  if (colon != std::string::npos) {
    const std::string name = lower_ascii(field.substr(0, colon));
    const std::string_view value = std::string_view(field).substr(colon + 1);
    if (name == "return-path") {
      return success();
    }
    if (name == "message-id" && message_id_.empty()) {
      message_id_ = id_of(value);
    } else if (name == "resent-message-id" && resent_message_id_.empty()) {
      resent_message_id_ = id_of(value);
    } else if (name == "date" && date_.empty()) {
      date_ = unfolded(value);
    }
  }
  return sink_(field);
}

}  // namespace cyr::lmtpd

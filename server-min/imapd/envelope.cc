// See envelope.h.
#include "server-min/imapd/envelope.h"

#include <algorithm>

#include "format/base/text.h"
#include "format/text/imap_string.h"

namespace cyr::imapd {

namespace {

// Reads in place what is an ordinary quoted string, as nearly everything in an envelope is.
class EnvelopeReader {
 public:
  explicit EnvelopeReader(std::string_view text) : text_(text) {}

  bool accept(char c) {
    const bool there = at_ < text_.size() && text_[at_] == c;
    at_ += there ? 1 : 0;
    return there;
  }
  Status expect(char c) {
    return accept(c) ? success() : Status(corrupt(std::string("expected '") + c + "'", at_));
  }
  void skip_spaces() {
    while (accept(' ')) {
    }
  }
  // NIL is empty; `into` may be null.
  Status string(std::string* into) {
    skip_spaces();
    if (const auto quoted = plain_quoted()) {
      if (into != nullptr) {
        *into = *quoted;
      }
      return success();
    }
    text::StringReader reader(text_.substr(at_));
    CYR_TRY(auto value, reader.nstring());
    at_ += reader.offset();
    if (into != nullptr) {
      *into = value ? std::move(*value) : std::string();
    }
    return success();
  }
  // The first real address of a list; a group's start and end are passed over. Without `wanted` nothing is.
  Result<std::optional<EnvelopeAddress>> addresses(bool wanted);

 private:
  // One without escapes and line ends.
  std::optional<std::string_view> plain_quoted() {
    if (at_ == text_.size() || text_[at_] != '"') {
      return {};
    }
    for (std::size_t end = at_ + 1; end < text_.size(); ++end) {
      const char c = text_[end];
      if (c == '"') {
        const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
        at_ = end + 1;
        return inside;
      }
      if (c == '\\' || c == '\r' || c == '\n') {
        break;
      }
    }
    return {};
  }
  Status address(EnvelopeAddress* into);
  std::string_view text_;
  std::size_t at_ = 0;
};

Status EnvelopeReader::address(EnvelopeAddress* into) {
  CYR_CHECK(expect('('));
  CYR_CHECK(string(into != nullptr ? &into->name : nullptr));
  CYR_CHECK(string(nullptr));  // route
  CYR_CHECK(string(into != nullptr ? &into->mailbox : nullptr));
  CYR_CHECK(string(into != nullptr ? &into->host : nullptr));
  skip_spaces();
  return expect(')');
}

Result<std::optional<EnvelopeAddress>> EnvelopeReader::addresses(bool wanted) {
  std::optional<EnvelopeAddress> first;
  skip_spaces();
  if (!accept('(')) {
    text::StringReader reader(text_.substr(at_));
    CYR_TRY(const auto nil, reader.nstring());
    at_ += reader.offset();
    return nil ? Result<std::optional<EnvelopeAddress>>(corrupt("no address list", at_)) : first;
  }
  while (!accept(')')) {
    skip_spaces();
    EnvelopeAddress one;
    CYR_CHECK(address(wanted && !first ? &one : nullptr));
    if (!one.host.empty()) {
      first = std::move(one);
    }
    skip_spaces();
  }
  return first;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

void trim(std::string_view& text) {
  while (!text.empty() && is_blank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_blank(text.back())) {
    text.remove_suffix(1);
  }
}

// subj-blob = "[" *BLOBCHAR "]" *WSP
std::size_t blob_length(std::string_view text) {
  if (text.empty() || text.front() != '[') {
    return 0;
  }
  const std::size_t close = text.find_first_of("[]", 1);
  if (close == std::string_view::npos || text[close] != ']') {
    return 0;
  }
  std::size_t end = close + 1;
  while (end < text.size() && is_blank(text[end])) {
    ++end;
  }
  return end;
}

// subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
std::size_t refwd_length(std::string_view text) {
  std::size_t at = 0;
  for (const std::string_view word : {"RE", "FWD", "FW"}) {
    if (text.starts_with(word)) {
      at = word.size();
      break;
    }
  }
  if (at == 0) {
    return 0;
  }
  while (at < text.size() && is_blank(text[at])) {
    ++at;
  }
  at += blob_length(text.substr(at));
  return at < text.size() && text[at] == ':' ? at + 1 : 0;
}

// subj-leader = (*subj-blob subj-refwd) / WSP
std::size_t leader_length(std::string_view text) {
  std::size_t at = 0;
  while (const std::size_t blob = blob_length(text.substr(at))) {
    at += blob;
  }
  const std::size_t refwd = refwd_length(text.substr(at));
  return refwd == 0 ? 0 : at + refwd;
}

// Steps 2 to 5 of RFC 5256 2.1.
void strip(std::string_view& text, bool& is_reply) {
  constexpr std::string_view kTrailer = "(FWD)";
  for (bool again = true; again;) {
    again = false;
    trim(text);
    while (text.ends_with(kTrailer)) {
      text.remove_suffix(kTrailer.size());
      is_reply = true;
      trim(text);
    }
    if (const std::size_t leader = leader_length(text); leader > 0) {
      text.remove_prefix(leader);
      is_reply = again = true;
    } else if (const std::size_t blob = blob_length(text); blob > 0 && blob < text.size()) {
      text.remove_prefix(blob);
      again = true;
    }
  }
}

}  // namespace

Result<EnvelopeView> read_envelope(std::string_view text, const EnvelopeFields& wanted) {
  EnvelopeReader reader(text);
  EnvelopeView out;
  CYR_CHECK(reader.expect('('));
  CYR_CHECK(reader.string(nullptr));  // date
  CYR_CHECK(reader.string(wanted.subject ? &out.subject : nullptr));
  if (!wanted.from && !wanted.to && !wanted.cc && !wanted.ids) {
    return out;
  }
  CYR_TRY(out.from, reader.addresses(wanted.from));
  if (!wanted.to && !wanted.cc && !wanted.ids) {
    return out;
  }
  CYR_CHECK(reader.addresses(false));  // sender
  CYR_CHECK(reader.addresses(false));  // reply-to
  CYR_TRY(out.to, reader.addresses(wanted.to));
  CYR_TRY(out.cc, reader.addresses(wanted.cc));
  if (wanted.ids) {
    CYR_CHECK(reader.addresses(false));  // bcc
    CYR_CHECK(reader.string(&out.in_reply_to));
    CYR_CHECK(reader.string(&out.message_id));
  }
  return out;
}

BaseSubject base_subject(std::string_view subject) {
  BaseSubject base;
  std::string upper = upper_ascii(subject);
  // Step 1: any white space is one blank.
  std::replace_if(
      upper.begin(), upper.end(), [](char c) { return c == '\t' || c == '\r' || c == '\n'; }, ' ');
  upper.erase(std::unique(upper.begin(), upper.end(), [](char a, char b) { return a == ' ' && b == ' '; }),
              upper.end());
  std::string_view text = upper;
  strip(text, base.is_reply);
  constexpr std::string_view kFwd = "[FWD:";
  while (text.starts_with(kFwd) && text.ends_with(']')) {
    text.remove_prefix(kFwd.size());
    text.remove_suffix(1);
    base.is_reply = true;
    strip(text, base.is_reply);
  }
  base.text = std::string(text);
  return base;
}

std::string normal_message_id(std::string_view id) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const char c = id[i];
    if (c == '"') {
      quoted = !quoted;
    } else if (c == '\\' && quoted && i + 1 < id.size()) {
      out += id[++i];
    } else if (quoted || !is_space(c)) {
      out += c;
    }
  }
  return out;
}

}  // namespace cyr::imapd

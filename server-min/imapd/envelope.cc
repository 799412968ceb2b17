// See envelope.h.
#include "server-min/imapd/envelope.h"

#include <algorithm>

#include "format/base/text.h"
#include "format/text/imap_string.h"

namespace cyr::imapd {

namespace {

Result<std::string> next_string(text::StringReader& reader) {
  reader.skip_spaces();
  CYR_TRY(auto value, reader.nstring());
  return value.value_or("");
}

Result<EnvelopeAddress> read_address(text::StringReader& reader) {
  EnvelopeAddress address;
  CYR_CHECK(reader.expect('('));
  CYR_TRY(address.name, next_string(reader));
  CYR_TRY(const std::string route, next_string(reader));
  CYR_TRY(address.mailbox, next_string(reader));
  CYR_TRY(address.host, next_string(reader));
  reader.skip_spaces();
  CYR_CHECK(reader.expect(')'));
  return address;
}

// The first real address of a list; a group's start and end are passed over.
Result<std::optional<EnvelopeAddress>> read_addresses(text::StringReader& reader) {
  std::optional<EnvelopeAddress> first;
  reader.skip_spaces();
  if (!reader.accept('(')) {
    CYR_TRY(const auto nil, reader.nstring());
    return nil ? Result<std::optional<EnvelopeAddress>>(corrupt("no address list", reader.offset())) : first;
  }
  while (!reader.accept(')')) {
    reader.skip_spaces();
    CYR_TRY(EnvelopeAddress address, read_address(reader));
    if (!first && !address.host.empty()) {
      first = std::move(address);
    }
    reader.skip_spaces();
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

Result<EnvelopeView> read_envelope(std::string_view text) {
  text::StringReader reader(text);
  EnvelopeView out;
  CYR_CHECK(reader.expect('('));
  CYR_TRY(out.date, next_string(reader));
  CYR_TRY(out.subject, next_string(reader));
  CYR_TRY(out.from, read_addresses(reader));
  CYR_TRY(const auto sender, read_addresses(reader));
  CYR_TRY(const auto reply_to, read_addresses(reader));
  CYR_TRY(out.to, read_addresses(reader));
  CYR_TRY(out.cc, read_addresses(reader));
  CYR_TRY(const auto bcc, read_addresses(reader));
  CYR_TRY(out.in_reply_to, next_string(reader));
  CYR_TRY(out.message_id, next_string(reader));
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

#include "format/store/conversation_message.h"

#include <algorithm>

#include "format/base/text.h"
#include "format/mime/section.h"
#include "format/text/imap_string.h"

namespace cyr::store {

namespace {

constexpr std::size_t kMaxIdsOfHeader = 20;
constexpr std::size_t kMaxParts = 5000;

using text::StringReader;

// Over an address list: NIL, or addresses in two pairs of parentheses.
Status skip_addresses(StringReader& reader) {
  if (!reader.accept('(')) {
    CYR_TRY([[maybe_unused]] const auto nil, reader.nstring());
    return success();
  }
  while (reader.accept('(')) {
    for (int i = 0; i < 4; ++i) {
      CYR_TRY([[maybe_unused]] const auto part, reader.nstring());
      reader.skip_spaces();
    }
    CYR_CHECK(reader.expect(')'));
  }
  return reader.expect(')');
}

// The first address; nothing for NIL, a group, or one without mailbox or domain.
Result<std::optional<meta::Conversation::Sender>> first_address(StringReader reader) {
  std::optional<meta::Conversation::Sender> out;
  if (!reader.accept('(') || !reader.accept('(')) {
    return out;
  }
  std::optional<std::string> part[4];
  for (auto& one : part) {
    CYR_TRY(one, reader.nstring());
    reader.skip_spaces();
  }
  if (part[2] && part[3]) {
    out = meta::Conversation::Sender{
        .name = part[0], .route = part[1], .mailbox = *part[2], .domain = *part[3]};
  }
  return out;
}

// The next <...> of `text` from `at` on, quotes of the local part taken away; nothing at the end of the
// field. Junk between is passed over, as is a bracket that never closes.
std::optional<std::string> next_message_id(std::string_view text, std::size_t& at) {
  while ((at = text.find_first_of("<\r", at)) != std::string_view::npos) {
    if (text[at] == '\r') {
      const bool folded = at + 2 < text.size() && (text[at + 2] == ' ' || text[at + 2] == '\t');
      if (at + 1 < text.size() && text[at + 1] == '\n' && !folded) {
        return {};
      }
      ++at;
      continue;
    }
    const std::size_t close = text.find('>', at);
    if (close == std::string_view::npos) {
      return {};
    }
    std::size_t from = at + 1;
    std::string id = "<";
    if (from < text.size() && text[from] == '"') {
      for (++from; from < text.size() && text[from] != '"'; ++from) {
        from += text[from] == '\\' && from + 1 < text.size() ? 1U : 0U;
        id.push_back(text[from]);
      }
      ++from;
    } else {
      while (from < text.size() && std::string_view("\n\r@>").find(text[from]) == std::string_view::npos) {
        id.push_back(text[from++]);
      }
    }
    const std::size_t end = from < text.size() ? text.find('>', from) : std::string_view::npos;
    if (end == std::string_view::npos || (text[from] != '@' && text[from] != '>')) {
      ++at;
      continue;
    }
    id.append(text.substr(from, end + 1 - from));
    at = end + 1;
    return id;
  }
  return {};
}

// "<", at least one printable character without blanks, ">".
bool usable(std::string_view id) {
  return id.size() >= 3 && id.size() <= 1024 &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

void collect_ids(std::string_view header, std::vector<std::string>& ids) {
  std::size_t at = 0;
  for (std::size_t count = 0; count < kMaxIdsOfHeader; ++count) {
    const auto found = next_message_id(header, at);
    if (!found) {
      return;
    }
    std::string id = lower_ascii(*found);
    if (usable(id) && std::find(ids.begin(), ids.end(), id) == ids.end()) {
      ids.push_back(std::move(id));
    }
  }
}

// The value of a cached header field, folded lines and all; empty when it is not there.
std::string_view cached_header(std::string_view headers, std::string_view name) {
  std::size_t at = 0;
  while (at < headers.size()) {
    std::size_t end = headers.find("\r\n", at);
    while (end != std::string_view::npos && end + 2 < headers.size() &&
           (headers[end + 2] == ' ' || headers[end + 2] == '\t')) {
      end = headers.find("\r\n", end + 2);
    }
    end = end == std::string_view::npos ? headers.size() : end;
    const std::string_view field = headers.substr(at, end - at);
    if (field.size() > name.size() && field[name.size()] == ':' && starts_with_ignoring_case(field, name)) {
      return field.substr(name.size() + 1);
    }
    at = end + 2;
  }
  return {};
}

// What is to be taken out of `s` because of brackets: position and length; nothing when no bracket is left.
std::optional<std::pair<std::size_t, std::size_t>> bracketed(std::string_view s) {
  const std::string_view head = s.substr(0, s.find_first_of("[\\"));
  if (const std::size_t close = head.rfind(']'); close != std::string_view::npos) {
    return std::pair(std::size_t{0}, close + 1);
  }
  for (std::size_t open = s.find('['); open != std::string_view::npos; open = s.find('[', open + 1)) {
    const std::size_t stop = s.find_first_of("[]\\", open + 1);
    if (stop != std::string_view::npos && s[stop] == ']') {
      return std::pair(open, stop + 1 - open);
    }
    if (s.find(']', open) == std::string_view::npos) {
      return std::pair(open, s.size() - open);
    }
  }
  return {};
}

// Length of a reply mark at the start. Cyrus's pattern has the letters t, r, n, f and the backslash where
// white space was meant, so that "Fwd:" is one and "fwd:" is not.
std::size_t reply_mark(std::string_view s) {
  const std::size_t from = std::min(s.find_first_not_of(" \\t"), s.size());
  const std::size_t end = std::min(s.find_first_of(" \\trnf", from), s.size());
  const std::size_t colon = s.substr(0, end).rfind(':');
  return colon == std::string_view::npos || colon <= from ? 0 : colon + 1;
}

void collect_parts(const mime::SectionNode& node, const std::string& prefix,
                   std::vector<ConversationPart>& out) {
  for (std::size_t i = 1; i < node.parts.size() && out.size() < kMaxParts; ++i) {
    const std::string number = prefix + std::to_string(i);
    if (node.parts[i].guid && !node.parts[i].guid->is_null()) {
      out.push_back({number, *node.parts[i].guid});
    }
    if (i - 1 < node.children.size()) {
      collect_parts(node.children[i - 1], number + ".", out);  // decode_section() bounds the depth
    }
  }
}

}  // namespace

Result<ConversationFacts> conversation_facts(const CachedMessage& cached) {
  ConversationFacts out;
  StringReader reader(cached.item(mailbox::CacheItem::envelope));
  CYR_CHECK(reader.expect('('));
  for (int i = 0; i < 2; ++i) {  // date, subject
    CYR_TRY([[maybe_unused]] const auto field, reader.nstring());
    reader.skip_spaces();
  }
  CYR_TRY(out.sender, first_address(reader));
  for (int i = 0; i < 6; ++i) {  // from, sender, reply-to, to, cc, bcc
    CYR_CHECK(skip_addresses(reader));
    reader.skip_spaces();
  }
  CYR_TRY(const auto in_reply_to, reader.nstring());
  reader.skip_spaces();
  CYR_TRY(const auto message_id, reader.nstring());
  StringReader subject(cached.item(mailbox::CacheItem::subject));
  CYR_TRY(auto decoded, subject.nstring());
  out.subject = normalise_subject(std::move(decoded).value_or(""));
  const std::string_view headers = cached.item(mailbox::CacheItem::headers);
  collect_ids(cached_header(headers, "references"), out.message_ids);
  collect_ids(in_reply_to.value_or(""), out.message_ids);
  collect_ids(message_id.value_or(""), out.message_ids);
  collect_ids(cached_header(headers, "x-me-message-id"), out.message_ids);
  return out;
}

Result<std::vector<ConversationPart>> conversation_parts(const CachedMessage& cached,
                                                         std::uint32_t cache_version) {
  CYR_TRY(const auto root,
          mime::decode_section(as_bytes(cached.item(mailbox::CacheItem::section)), cache_version));
  std::vector<ConversationPart> out;
  collect_parts(root, "", out);
  return out;
}

std::string normalise_subject(std::string subject) {
  while (const auto range = bracketed(subject)) {
    subject.erase(range->first, range->second);
  }
  while (const std::size_t length = reply_mark(subject)) {
    subject.erase(0, length);
  }
  std::string out;
  for (std::size_t i = 0; i < subject.size(); ++i) {
    if (std::string_view(" \t\r\n").find(subject[i]) != std::string_view::npos) {
      continue;
    }
    if (subject.compare(i, 2, "\xC2\xA0") == 0) {  // no-break space
      ++i;
      continue;
    }
    out.push_back(subject[i]);
  }
  return out;
}

}  // namespace cyr::store

// The table of header fields with a rule of their own. Fields that are not in it: X- fields are not cached,
// others are (mailbox.md 5.5, rules 1-4).
#include "format/mime/cached_headers.h"

#include <algorithm>
#include <array>

#include "format/base/text.h"

namespace cyr::mime {

namespace {

// A field is in the cache of releases `first` to `last`; first > last: of none.
struct Row {
  std::string_view name;
  Series first;
  Series last;
  std::uint8_t since;  // cache version that is sure to hold it; kNever
};
constexpr std::uint8_t kNever = 0xFF;
constexpr Series kOldest = Series::v2_1;
constexpr Series kNewest = Series::v3_12;

constexpr Row from_version(std::string_view name, Series first, std::uint8_t since) {
  return {name, first, kNewest, since};
}
constexpr Row only_2_4(std::string_view name) { return {name, Series::v2_4, Series::v2_4, kNever}; }
constexpr Row never(std::string_view name) { return {name, kNewest, kOldest, kNever}; }
// Cached like any other field up to `last`, by nobody later.
constexpr Row dropped_after(std::string_view name, Series last) { return {name, Series::v2_2, last, kNever}; }

constexpr std::array kRows{
    from_version("priority", kOldest, 0),
    from_version("references", kOldest, 0),
    from_version("resent-from", kOldest, 0),
    from_version("newsgroups", kOldest, 0),
    from_version("followup-to", kOldest, 0),
    from_version("x-mailer", Series::v2_2, 1),
    from_version("x-trace", Series::v2_2, 1),
    from_version("x-ref", Series::v2_2, 2),
    from_version("x-priority", Series::v2_2, 2),
    from_version("x-msmail-priority", Series::v2_2, 2),
    from_version("x-msoesrec", Series::v2_2, 2),
    from_version("x-spam-score", Series::v2_4, 3),
    from_version("x-resolved-to", Series::v2_4, 3),
    from_version("x-delivered-to", Series::v2_4, 3),
    from_version("x-mail-from", Series::v2_4, 3),
    from_version("x-truedomain-domain", Series::v2_4, 3),
    only_2_4("x-spam-hits"),
    only_2_4("x-spam-source"),
    only_2_4("x-truedomain"),
    only_2_4("x-truedomain-dkim"),
    only_2_4("x-truedomain-spf"),
    from_version("x-me-message-id", Series::v3_0, 4),
    from_version("x-cyrus-session-id", Series::v3_0, 4),
    from_version("x-universally-unique-identifier", Series::v3_0, 6),
    from_version("x-uniform-type-identifier", Series::v3_0, 6),
    from_version("x-apple-base-url", Series::v3_0, 6),
    from_version("x-apple-mail-remote-attachments", Series::v3_0, 6),
    from_version("sender", Series::v3_2, 7),
    from_version("reply-to", Series::v3_2, 7),
    never("bcc"),
    never("cc"),
    never("date"),
    never("delivery-date"),
    never("envelope-to"),
    never("from"),
    never("in-reply-to"),
    never("mime-version"),
    never("received"),
    never("return-path"),
    never("subject"),
    never("to"),
    dropped_after("dkim-signature", Series::v2_3),
    dropped_after("domainkey-signature", Series::v2_3),
    dropped_after("domainkey-x509", Series::v2_3),
    dropped_after("message-id", Series::v3_0),
    dropped_after("authentication-results", Series::v3_0),
    dropped_after("received-spf", Series::v3_0),
    dropped_after("archived-at", Series::v3_0),
    dropped_after("arc-seal", Series::v3_0),
    dropped_after("arc-message-signature", Series::v3_0),
    dropped_after("arc-authentication-results", Series::v3_0),
    dropped_after("listbox-message-date", Series::v3_0),
    dropped_after("topicbox-message-uuid", Series::v3_0),
    dropped_after("topicbox-policy-reasoning", Series::v3_0),
};

constexpr std::size_t kLongestName = 31;  // bytes before the colon; longer names are not cached
constexpr std::uint8_t kSinceForOthers = 1;

const Row* row_of(std::string_view name) {
  const auto* const found = std::find_if(kRows.begin(), kRows.end(), [&](const Row& row) {
    return row.name.size() == name.size() && equal_ignoring_case(row.name, name);
  });
  return found == kRows.end() ? nullptr : found;
}

}  // namespace

bool is_cached_header(std::string_view line, Series series) {
  const std::string_view start = line.substr(0, kLongestName + 1);
  const std::size_t colon = start.find(':');
  if (colon == std::string_view::npos || (line[0] == ' ' || line[0] == '\t')) {
    return false;
  }
  const std::string_view name = start.substr(0, colon);
  if (std::any_of(name.begin(), name.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; })) {
    return false;
  }
  if (const Row* const row = row_of(name)) {
    return series >= row->first && series <= row->last;
  }
  return series >= Series::v2_2 && !starts_with_ignoring_case(name, "x-");
}

std::optional<unsigned> header_cached_since(std::string_view name) {
  if (name.size() > kLongestName) {
    return {};
  }
  if (const Row* const row = row_of(name)) {
    return row->since == kNever ? std::nullopt : std::optional<unsigned>(row->since);
  }
  return starts_with_ignoring_case(name, "x-") ? std::nullopt : std::optional<unsigned>(kSinceForOthers);
}

}  // namespace cyr::mime

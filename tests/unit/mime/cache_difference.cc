#include "tests/unit/mime/cache_difference.h"

#include <array>

#include "format/base/text.h"
#include "format/mailbox/cache_file.h"

namespace cyr::test {

namespace {

constexpr std::array<std::string_view, mailbox::kCacheItems> kNames{
    "ENVELOPE", "BODYSTRUCTURE", "BODY", "SECTION", "HEADERS", "FROM", "TO", "CC", "BCC", "SUBJECT"};
constexpr std::size_t kShown = 600;  // bytes around the first difference
constexpr std::size_t kBefore = 60;

// The reader wants the file's generation in front.
std::string as_cache_file(std::string_view record) {
  return std::string(mailbox::kCacheStart, '\0') + std::string(record);
}

}  // namespace

std::string cache_difference(std::string_view ours, std::string_view theirs) {
  if (ours == theirs) {
    return {};
  }
  const std::string our_file = as_cache_file(ours);
  const std::string their_file = as_cache_file(theirs);
  const auto our_record = mailbox::cache_record_at(as_bytes(our_file), mailbox::kCacheStart);
  const auto their_record = mailbox::cache_record_at(as_bytes(their_file), mailbox::kCacheStart);
  if (!our_record || !their_record) {
    return "a record that does not split into ten items";
  }
  std::string out;
  for (std::size_t i = 0; i < mailbox::kCacheItems; ++i) {
    const std::string_view our_item = as_text(our_record->items[i]);
    const std::string_view their_item = as_text(their_record->items[i]);
    if (our_item == their_item) {
      continue;
    }
    std::size_t at = 0;
    while (at < our_item.size() && at < their_item.size() && our_item[at] == their_item[at]) {
      ++at;
    }
    at = at > kBefore ? at - kBefore : 0;
    out += std::string(kNames[i]) + " at " + std::to_string(at) + "\n  ours   " +
           printable(our_item.substr(at, kShown)) + "\n  theirs " + printable(their_item.substr(at, kShown)) +
           "\n";
  }
  return out.empty() ? "padding differs" : out;
}

}  // namespace cyr::test

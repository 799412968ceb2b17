// Arbitrary bytes as a message. What must hold: the same bytes give the same summary; the record splits into
// ten items of which SECTION decodes to the same number of parts; places of parts lie inside the message,
// except for the sums of malformed multiparts; every release's profile copes.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "format/mailbox/cache_file.h"
#include "format/mime/section.h"
#include "format/mime/summary.h"

namespace {

using namespace cyr;

constexpr std::uint64_t kInternaldate = 1600000000;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

void check_places(const mime::BodyPart& part, std::size_t size) {
  require(part.header_offset <= size && part.content_offset <= size);
  require(part.header_offset <= part.content_offset);
  require(part.parts.empty() || part.is_multipart() || part.contains_message);
  for (const mime::BodyPart& child : part.parts) {
    check_places(child, size);
  }
}

std::size_t count_nodes(const mime::SectionNode& node) {
  std::size_t count = 1;
  for (const mime::SectionNode& child : node.children) {
    count += count_nodes(child);
  }
  return count;
}

void check_profile(std::string_view bytes, const mime::CacheProfile& profile) {
  mime::ParseOptions options;
  options.profile = &profile;
  const mime::MessageSummary summary = mime::summarise(bytes, kInternaldate, options);
  require(summary.cache_record.size() % 4 == 0);
  const std::string file = std::string(mailbox::kCacheStart, '\0') + summary.cache_record;
  const auto record = mailbox::cache_record_at(as_bytes(file), mailbox::kCacheStart);
  require(record.has_value() && record->whole.size() == summary.cache_record.size());
  const auto section = mime::decode_section(record->item(mailbox::CacheItem::section), profile.cache_version);
  require(section.has_value() && count_nodes(*section) >= 2);
  require(summary.header_size <= bytes.size() && summary.content_offset <= bytes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);  // NOLINT
  const mime::MessageSummary summary = mime::summarise(bytes, kInternaldate);
  require(summary.cache_record == mime::summarise(bytes, kInternaldate).cache_record);
  check_places(mime::parse_message(bytes).root(), size);
  for (const mime::CacheProfile& profile : mime::cache_profiles()) {
    check_profile(bytes, profile);
  }
  // Bytes that claim to be a SECTION item must be refused or decoded, no more.
  for (const unsigned version : {3U, 6U, 11U}) {
    (void)mime::decode_section(as_bytes(bytes), version);
  }
  return 0;
}

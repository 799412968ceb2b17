// One message, everything that an index record says about it.
#include "format/mime/summary.h"

#include "format/base/crc32.h"
#include "format/mime/cache_items.h"
#include "format/mime/date.h"

namespace cyr::mime {

MessageSummary summarise(std::string_view bytes, std::uint64_t internaldate, const ParseOptions& options) {
  const CacheProfile& profile = profile_of(options);
  const Message message = parse_message(bytes, options);
  const BodyPart& root = message.root();
  const NString date = root.envelope->date;
  const auto day = sent_day(date, profile);
  const auto time = sent_time(date, profile);
  MessageSummary out;
  out.guid = sha1(bytes);
  out.size = profile.size_is_parsed ? std::uint64_t{root.header_size} + root.content_size : bytes.size();
  out.header_size = root.header_size;
  out.content_offset = root.content_offset;
  out.content_lines = root.content_lines;
  out.date_is_usable = day.has_value();
  out.time_is_usable = time.has_value();
  const auto delivered = static_cast<std::uint32_t>(internaldate);
  out.gmtime = time.value_or(delivered);
  if (day) {
    out.sentdate = *day;
  } else {
    out.sentdate =
        profile.bad_date_is_delivery ? delivered : local_midnight(static_cast<std::time_t>(internaldate));
  }
  out.cache_record = build_cache_record(message, options);
  out.cache_crc = crc32(out.cache_record);
  out.cache_version = profile.cache_version;
  return out;
}

}  // namespace cyr::mime

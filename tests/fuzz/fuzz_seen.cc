// Arbitrary bytes as a seen record, a line of cyrus.seen, a subscription key and a counters file. What must
// hold: what decodes encodes to what decodes to the same.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "format/meta/counters.h"
#include "format/meta/seen.h"
#include "format/meta/subscriptions.h"

namespace {

using namespace cyr::meta;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto record = decode_seen(input)) {
    const auto again = decode_seen(encode_seen(*record));
    require(again.has_value() && *again == *record);
    if (const auto merged = merge_seen(*record, *record)) {
      require(merged->lastuid == record->lastuid);
    }
  }
  if (const auto line = decode_seen_line(input)) {
    require(!line->userid.empty());
  }
  for (const auto version : {SubscriptionVersion::v0, SubscriptionVersion::v2, SubscriptionVersion::v3}) {
    (void)decode_subscription_key(input, version, "user.bovik");
  }
  if (const auto counters = decode_counters(std::as_bytes(std::span(data, size)))) {
    const auto again = decode_counters(cyr::Bytes(encode_counters(*counters)));
    require(again.has_value() && *again == *counters);
  }
  return 0;
}

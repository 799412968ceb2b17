// cyrus.cache and the values of cyrus.annotations: any bytes at any offset. A record that is found lies
// inside the file and its items inside the record; an annotation that is read is written back byte for byte.
#include <cstdlib>

#include "format/mailbox/annotation_record.h"
#include "format/mailbox/cache_file.h"

using namespace cyr;
using namespace cyr::mailbox;

namespace {
void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}
bool inside(Bytes part, Bytes whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = std::as_bytes(std::span(data, size));
  (void)cache_generation(bytes);
  for (std::uint64_t offset = 0; offset < size + 8; ++offset) {
    const auto record = cache_record_at(bytes, offset);
    if (!record) {
      continue;
    }
    require(offset % 4 == 0 && inside(record->whole, bytes) && record->whole.size() % 4 == 0);
    for (const Bytes item : record->items) {
      require(inside(item, record->whole));
    }
  }
  if (const auto value = decode_annotation_value(bytes); value) {
    const Buffer written = encode_annotation_value(*value).value();
    require(std::equal(written.begin(), written.end(), bytes.begin(), bytes.end()));
  }
  if (const auto key = decode_annotation_key(bytes); key) {
    const Buffer written = encode_annotation_key(*key).value();
    require(std::equal(written.begin(), written.end(), bytes.begin(), bytes.end()));
  }
  return 0;
}

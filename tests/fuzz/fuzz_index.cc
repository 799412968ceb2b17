// cyrus.index: any bytes. decode -> encode -> decode is stable; salvage never claims more records than there
// are; every conversion of a record gives one that its version can hold.
#include <cstdlib>

#include "format/mailbox/convert.h"
#include "format/mailbox/index_file.h"
#include "format/mailbox/index_layout.h"
#include "format/mailbox/sync_crc.h"

using namespace cyr;
using namespace cyr::mailbox;

namespace {
void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

void check_record(Bytes raw, unsigned layout) {
  const auto record = decode_index_record(raw, layout);
  require(record.has_value());
  Buffer first(raw.size());
  require(encode_index_record(*record, layout, MutableBytes(first)).has_value());
  require(record_crc_ok(first, layout));
  const auto again = decode_index_record(first, layout);
  require(again.has_value());
  Buffer second(raw.size());
  require(encode_index_record(*again, layout, MutableBytes(second)).has_value());
  require(first == second);
  (void)sync_crc_basic(*record, {"a", "", "c"});
  (void)sync_crc_annot(*record, layout, {});
  for (const IndexVersion& version : index_versions()) {
    const RecordConversion converted = convert_record(*record, layout, version.minor);
    Buffer out(version.record_size);
    const Status written = encode_index_record(converted.record, version.minor, MutableBytes(out));
    // Seconds of the far future fit into 8 bytes of seconds, but not of nanoseconds.
    require(written.has_value() || has_nanoseconds(version.minor) || !has_cid(version.minor));
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = std::as_bytes(std::span(data, size));
  if (size == 0 || size > (1U << 16)) {
    return 0;
  }
  // The CRC would keep the fuzzer out: the last byte of the input chooses whether it is made right first.
  Buffer file(bytes.begin(), bytes.end());
  auto header = decode_index_header_unchecked(file);
  if (header && (data[size - 1] & 1) != 0) {
    const auto encoded = encode_index_header(*header);
    require(encoded.has_value());
    std::copy(encoded->begin(), encoded->end(), file.begin());
    header = decode_index_header(file);
    require(header.has_value());
    require(encode_index_header(*header).value() == *encoded);
  }
  const SalvagedIndexHeader salvaged = salvage_index_header(file);
  require(salvaged.layout == 0 || salvaged.header.num_records <= salvaged.whole_records);
  if (!decode_index_header(file)) {
    require(!salvaged.doubts.empty());
  }
  if (const auto image = decode_index(file); image) {
    const auto written = encode_index(*image);
    require(written.has_value() && written->size() <= file.size());
  }
  for (const IndexVersion& version : index_versions()) {
    if (file.size() >= version.record_size) {
      check_record(Bytes(file).first(version.record_size), version.minor);
    }
  }
  return 0;
}

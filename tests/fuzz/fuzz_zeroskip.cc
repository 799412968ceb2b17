// Any bytes as a zeroskip marker and as a data file: records follow each other and lie inside of it.
#include "format/db/zeroskip_format.h"
#include "tests/fuzz/database_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace zeroskip = cyr::db::zeroskip;
  const cyr::Bytes file = std::as_bytes(std::span(data, size));
  (void)zeroskip::decode_marker(file);
  (void)zeroskip::check_header(file);
  bool cut = false;
  for (std::uint64_t offset = zeroskip::header_size; offset < size;) {
    const auto record = zeroskip::decode_record(file, offset, cut);
    if (!record) {
      break;
    }
    cyr::fuzz::must(record->end > offset && record->end <= size);
    cyr::fuzz::must(record->key.size() + record->value.size() <= record->end - offset);
    offset = record->end;
  }
  return 0;
}

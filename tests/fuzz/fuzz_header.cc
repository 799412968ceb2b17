// cyrus.header: any bytes. What is read can be written, and what was written is read as the same; the
// salvaging reader agrees with the strict one where that one reads.
#include <cstdlib>

#include "format/mailbox/header.h"

using namespace cyr;
using namespace cyr::mailbox;

namespace {
void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = std::as_bytes(std::span(data, size));
  const SalvagedHeader salvaged = decode_header_lenient(bytes);
  require(salvaged.header.flags.size() <= kMaxUserFlags);
  const auto header = decode_header(bytes);
  if (!header) {
    require(!salvaged.intact());
    return 0;
  }
  require(salvaged.header.name == header->name && salvaged.header.flags == header->flags);
  for (const HeaderForm form : {HeaderForm::text, HeaderForm::dlist}) {
    const auto written = encode_header(*header, form);
    if (!written) {
      require(written.error().code == Errc::invalid || written.error().code == Errc::corrupt);
      continue;
    }
    const auto again = decode_header(*written);
    require(again.has_value());
    require(again->flags == header->flags);
    require(encode_header(*again, form).value() == *written);
  }
  return 0;
}

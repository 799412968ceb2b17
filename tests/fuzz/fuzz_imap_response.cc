// Responses of an IMAP server, and the referrals in them: any bytes give a value or an error.
#include <cstdint>
#include <cstdlib>

#include "cyradm/imap_backend.h"
#include "cyradm/imap_response.h"
#include "format/base/bytes.h"

namespace {

int depth_of(const cyr::cyradm::ImapValue& value) {
  int deepest = 0;
  for (const auto& item : value.items) {
    deepest = std::max(deepest, depth_of(item));
  }
  return deepest + (value.is_list() ? 1 : 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cyr::cyradm;
  const std::string_view text = cyr::as_text(std::as_bytes(std::span(data, size)));
  const auto response = parse_response(text);
  if (response) {
    for (const auto& value : response->values) {
      if (depth_of(value) > max_value_depth) {
        std::abort();
      }
    }
    if (response->code_word() == "REFERRAL") {
      (void)parse_imap_url(response->code_rest());
    }
  }
  (void)literal_announced(text, text.substr(text.rfind('\n') + 1));
  (void)parse_server(text, "143");
  return 0;
}

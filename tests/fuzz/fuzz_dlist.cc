// dlist: what parses prints to a text that parses to the same tree; printing is a fixed point.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "format/text/dlist.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cyr::text;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto item = parse_dlist(text);
  if (!item) {
    if (!item.error().offset || *item.error().offset > size) {
      std::abort();
    }
    return 0;
  }
  for (const bool us_is_atom : {true, false}) {
    const std::string printed = print_dlist(*item, {.us_is_atom = us_is_atom});
    const auto again = parse_dlist(printed);
    if (!again || !(*again == *item) || print_dlist(*again, {.us_is_atom = us_is_atom}) != printed) {
      std::abort();
    }
  }
  return 0;
}

// dlist: what parses prints to a text that parses to the same tree; printing is a fixed point.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "format/text/dlist.h"

namespace {

// What is read in place is what the tree says.
bool same_as(const cyr::text::PlainMap& plain, const cyr::text::Item& item) {
  for (int letter = 0; letter < 256; ++letter) {
    const char c = static_cast<char>(letter);
    const auto* const field = plain.find(c);
    const auto* const child = item.find({&c, 1});
    if ((field == nullptr) != (child == nullptr) || (field != nullptr && field->is_map != child->is_map())) {
      return false;
    }
    if (field == nullptr) {
      continue;
    }
    std::size_t pairs = 0;
    bool same = field->is_map || field->value == child->text;
    cyr::text::PlainMap::for_each_pair(*field, [&](std::string_view key, std::string_view value) {
      same = same && pairs < child->items.size() && child->items[pairs].key == key &&
             child->items[pairs].text == value;
      ++pairs;
    });
    if (!same || (field->is_map && pairs != child->items.size())) {
      return false;
    }
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cyr::text;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto item = parse_dlist(text);
  const auto plain = PlainMap::read(text);
  if (plain && (!item || !same_as(*plain, *item))) {
    std::abort();
  }
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

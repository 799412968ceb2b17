// Arbitrary bytes as a quota record, and as the name of a mailbox. What must hold: a record that decodes
// encodes to one that decodes to the same; salvage of a sound record loses nothing; the root that is found
// covers the mailbox.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "format/meta/quota.h"

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
  if (const auto root = decode_quota("user.x", input)) {
    const std::string text = encode_quota(*root);
    const auto again = decode_quota("user.x", text);
    require(again.has_value());
    require(again->used[0] == root->used[0] && again->limit[0] == root->limit[0]);
    if (root->form != QuotaForm::text) {
      require(*again == *root);
      const auto salvaged = salvage_quota("user.x", text);
      require(salvaged.lost.empty() && salvaged.root.used == root->used &&
              salvaged.root.limit == root->limit);
    }
  }
  (void)salvage_quota("user.x", input);

  QuotaRootFinder finder;
  for (const char* name : {"user", "user.x", "dom!", "dom!user.x", "a.b"}) {
    finder.add(name);
  }
  if (size < 512) {
    const std::string_view root = finder.find(input);
    require(root.empty() || covers(root, input));
  }
  return 0;
}

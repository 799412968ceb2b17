// Any bytes as a quota root's file, name and value.
#include "format/db/quotalegacy_format.h"
#include "tests/fuzz/database_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cyr;
  using namespace cyr::db;
  const std::string_view text = as_text(std::as_bytes(std::span(data, size)));
  // A file that reads as a value is written back so that it reads the same (files that were made by hand may
  // have the space itself).
  if (const auto value = quotalegacy::decode_value(text)) {
    const auto content = quotalegacy::encode_value(*value);
    fuzz::must(!content || quotalegacy::decode_value(*content).value() == *value);
  }
  // A value that can be written reads back the same.
  if (const auto content = quotalegacy::encode_value(text)) {
    const auto value = quotalegacy::decode_value(*content);
    fuzz::must(value && *value == text);
  }
  (void)quotalegacy::is_quota_value(text);
  for (const bool full : {false, true}) {
    for (const bool domains : {false, true}) {
      const auto path = quotalegacy::path_of({"/base", full, domains}, text);
      if (path) {
        // Nothing leads out of the tree.
        fuzz::must(path->string().starts_with("/base/"));
        for (const auto& part : *path) {
          fuzz::must(part != ".." && part != ".");
        }
      }
    }
  }
  return 0;
}

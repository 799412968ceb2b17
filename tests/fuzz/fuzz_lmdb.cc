// Any bytes as an LMDB file: every view that comes out lies inside of it.
#include "format/db/lmdb.h"
#include "tests/fuzz/database_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const cyr::Bytes file = std::as_bytes(std::span(data, size));
  if (const auto entries = cyr::db::lmdb::read_tree(file)) {
    const std::string_view all = cyr::as_text(file);
    for (const auto& entry : *entries) {
      for (const std::string_view part : {entry.key, entry.value}) {
        cyr::fuzz::must(part.empty() ||
                        (part.data() >= all.data() && part.data() + part.size() <= all.data() + all.size()));
      }
    }
  }
  return 0;
}

// Any bytes as a twom file: read, looked up, checked, changed, written anew.
#include "tests/fuzz/database_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cyr::fuzz::check_database(std::as_bytes(std::span(data, size)), cyr::db::twom_format());
  return 0;
}

// imapd.conf: any bytes load or fail as a configuration error; what loads has values of its types, for every
// release.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "format/conf/partitions.h"

namespace {

// No includes: the fuzzer must not read files that its input names.
bool has_include(std::string_view text) { return text.find('@') != std::string_view::npos; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cyr::conf;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (has_include(text)) {
    return 0;
  }
  for (const Release release : {v2_1, v2_4, v3_6, v3_12}) {
    const auto config =
        Config::parse(cyr::read_only_io(), text, "fuzz.conf", {.ident = "quota", .release = release});
    if (!config) {
      if (config.error().code != cyr::Errc::config || config.error().what.empty()) {
        std::abort();
      }
      continue;
    }
    for (const auto& [name, value] : config->listing(true)) {
      if (name.empty()) {
        std::abort();
      }
    }
    const auto again = config->for_release(release);
    if (!again || again->listing() != config->listing()) {
      std::abort();
    }
    (void)config->seconds(Option::timeout);
    (void)config->byte_count(Option::maxquoted);
    (void)Partitions::from_config(*config);
  }
  return 0;
}

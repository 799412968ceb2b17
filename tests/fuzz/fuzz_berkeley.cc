// Any bytes as a Berkeley DB file, as a damaged one, and as a cache region.
#include "format/db/berkeley.h"
#include "format/db/berkeley_region.h"
#include "format/db/salvage.h"
#include "tests/fuzz/database_fuzz.h"

namespace {

using namespace cyr;  // NOLINT(google-build-using-namespace)

db::SalvageReport salvage(Bytes data) {
  db::SalvageReport report;
  db::SalvageOptions options;
  options.open.environment = fs::path();
  fuzz::must(db::salvage_berkeley({read_only_io(), "no such file", data, options}, report).has_value());
  return report;
}

// A sound file loses nothing to salvage.
void check_salvage(Bytes data, const db::FileFormat& format) {
  const auto report = salvage(data);
  const auto view = format.view(data);
  if (!view || !(*view)->check()) {
    return;
  }
  fuzz::Records expected;
  const Status all =
      (*view)->scan({}, fuzz::order_of(**view, format), [&](const db::Entry& entry) -> Result<db::Visit> {
        expected.emplace(entry.key, entry.value);
        return db::Visit::go_on;
      });
  fuzz::must(all.has_value());
  for (const auto& record : report.records) {
    const auto there = expected.find(std::string(record.key));
    fuzz::must(there == expected.end() || there->second == record.value);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto known = db::berkeley::recognise(bytes);
  if (known && db::berkeley::needs_upgrade(*known)) {
    return 0;  // the library's work, in a process of its own
  }
  for (const auto* format : {&db::berkeley_format(), &db::berkeley_hash_format()}) {
    fuzz::check_database(bytes, *format);
    check_salvage(bytes, *format);
  }
  if (const auto meta = db::berkeley::decode_meta(bytes)) {
    (void)db::berkeley::find_cached_pages(bytes, *meta);
  }
  return 0;
}

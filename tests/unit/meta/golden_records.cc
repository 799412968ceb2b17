#include "tests/unit/meta/golden_records.h"

#include "format/base/io.h"

namespace cyr::test {
namespace {

// A value may hold line feeds (literals), so a line without a TAB continues the value before it.
Records parse_listing(const std::string& text) {
  Records records;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    const std::size_t tab = line.find('\t');
    if (tab != std::string::npos) {
      records.emplace_back(line.substr(0, tab), line.substr(tab + 1));
    } else if (!records.empty()) {
      records.back().second += "\n" + line;
    }
    at = end + 1;
  }
  return records;
}

}  // namespace

std::vector<std::pair<std::string, Records>> golden_listings(const TempStore& store, std::string_view part) {
  std::vector<std::pair<std::string, Records>> out;
  const fs::path folder = store.golden_dir() / "intact/db";
  const auto entries = posix_io().list(folder);
  if (entries) {
    for (const auto& entry : *entries) {
      if (entry.name.find(part) != std::string::npos) {
        out.emplace_back(entry.name, parse_listing(read_text(folder / entry.name)));
      }
    }
  }
  return out;
}

}  // namespace cyr::test

#include <map>

#include "format/db/flat_format.h"
#include "format/db/salvage.h"

namespace cyr::db {

Status salvage_flat(const SalvageSource& source, SalvageReport& report) {
  std::string_view rest = as_text(source.file);
  std::map<std::string, SalvagedRecord> records;
  report.order = Order::flat;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    const auto tab = line.find('\t');
    if (end != std::string_view::npos && tab != std::string_view::npos && tab != 0) {
      std::string key;
      std::string value;
      key = flat::unescape(line.substr(0, tab), key);
      value = flat::unescape(line.substr(tab + 1), value);
      records[key] = {report.keep(key), report.keep(value), 0, 0};
    }
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  for (const auto& [key, record] : records) {
    report.records.push_back(record);
  }
  return success();
}

}  // namespace cyr::db

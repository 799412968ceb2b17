#include <map>

#include "format/db/salvage.h"
#include "format/db/twoskip_format.h"

namespace cyr::db {

Status salvage_twoskip(const SalvageSource& source, SalvageReport& report) {
  const Bytes file = source.file;
  std::map<std::string_view, SalvagedRecord> records;
  std::map<std::uint64_t, std::string_view> at;  // keys by offset of their latest record
  std::uint64_t offset = 0;
  while (offset + 8 <= file.size()) {
    auto record = twoskip::decode_record(file, offset, file.size());
    if (!record || !record->tail_is_sound()) {
      offset += 8;
      continue;
    }
    if (record->type == twoskip::RecordType::record) {
      records[record->key] = {record->key, record->value, offset, 0};
      at.insert_or_assign(offset, record->key);
    } else if (record->type == twoskip::RecordType::erased) {
      const auto after = at.find(record->slot(0));
      auto victim = record->slot(0) == 0 ? records.end()
                    : after == at.end()  ? records.begin()
                                         : records.lower_bound(after->second);
      if (victim != records.begin()) {
        records.erase(std::prev(victim));
      }
    }
    offset = record->end();
  }
  for (const auto& [key, record] : records) {
    report.records.push_back(record);
  }
  return success();
}

}  // namespace cyr::db

#include <map>

#include "format/db/salvage.h"
#include "format/db/skiplist_format.h"

namespace cyr::db {

Status salvage_skiplist(const SalvageSource& source, SalvageReport& report) {
  const Bytes file = source.file;
  std::map<std::string_view, SalvagedRecord> records;
  std::map<std::uint64_t, std::string_view> at;
  std::uint64_t offset = 0;
  while (offset + 4 <= file.size()) {
    const auto record = skiplist::decode_log_record(file, offset);
    if (!record || record->end <= offset) {
      offset += 4;
      continue;
    }
    const auto type = record->type;
    if (type == skiplist::RecordType::add || type == skiplist::RecordType::inorder) {
      records[record->node.key] = {record->node.key, record->node.value, offset, 0};
      at.insert_or_assign(offset, record->node.key);
    } else if (type == skiplist::RecordType::erased) {
      if (const auto victim = at.find(record->victim); victim != at.end()) {
        records.erase(victim->second);
      }
    }
    offset = record->end;
  }
  for (const auto& [key, record] : records) {
    report.records.push_back(record);
  }
  return success();
}

}  // namespace cyr::db

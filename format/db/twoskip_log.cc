// The linear view of a twoskip file: what was written when, without following a pointer between records.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "format/db/twoskip_view.h"

namespace cyr::db::twoskip {

namespace {

// Calls `visit` for every record of [first_record, limit), in the order of the file. Nothing may be damaged.
Status read_log(Bytes file, std::uint64_t limit,
                const std::function<Status(const Record&, std::uint64_t start)>& visit) {
  limit = std::min<std::uint64_t>(limit, file.size());
  std::uint64_t offset = first_record;
  std::uint64_t transaction = first_record;  // where the present one began, blanks included
  while (offset < limit) {
    if (is_blank(file, offset)) {
      offset += 8;
      continue;
    }
    CYR_TRY(const Record record, decode_record(file, offset, limit));
    CYR_CHECK(check_tail(record));
    CYR_CHECK(visit(record, transaction));
    offset = record.end();
    if (record.type == RecordType::commit) {
      transaction = offset;
    }
  }
  if (transaction != offset) {
    return corrupt("the last transaction has no COMMIT", transaction);
  }
  return success();
}

Status check_commit(const Record& record, std::uint64_t transaction) {
  if (record.slot(0) != transaction) {
    return corrupt(
        fmt::format("COMMIT of a transaction at {}, which began at {}", record.slot(0), transaction),
        record.offset);
  }
  return success();
}

}  // namespace

Result<LogFacts> check_log(Bytes file, std::uint64_t limit, const KeyOrder& order) {
  LogFacts facts;
  std::string_view previous;
  CYR_CHECK(read_log(file, limit, [&](const Record& record, std::uint64_t transaction) -> Status {
    switch (record.type) {
      case RecordType::record:
        facts.sorted = facts.sorted && (facts.records == 0 || order.less(previous, record.key));
        previous = record.key;
        ++facts.records;
        return success();
      case RecordType::erased:
        facts.sorted = false;
        return success();
      case RecordType::commit:
        return check_commit(record, transaction);
      case RecordType::dummy:
        break;
    }
    return corrupt("a second DUMMY", record.offset);
  }));
  return facts;
}

Result<std::vector<std::uint64_t>> replay_log(Bytes file, std::uint64_t limit, const KeyOrder& order) {
  const auto less = [&order](std::string_view a, std::string_view b) { return order.less(a, b); };
  std::map<std::string_view, std::uint64_t, decltype(less)> live(less);
  CYR_CHECK(read_log(file, limit, [&](const Record& record, std::uint64_t /*transaction*/) -> Status {
    if (record.type == RecordType::record) {
      live.erase(record.key);  // the key's bytes are the new record's from now on
      live.emplace(record.key, record.offset);
    }
    if (record.type != RecordType::erased) {
      return success();
    }
    // A DELETE names the record after its victim (0: none follows), so the victim is the greatest key below
    // that.
    auto victim = live.end();
    if (record.slot(0) != 0) {
      CYR_TRY(const Record after, decode_record(file, record.slot(0), record.offset));
      victim = live.lower_bound(after.key);
    }
    if (victim == live.begin()) {
      return corrupt("DELETE of a record that is not there", record.offset);
    }
    live.erase(std::prev(victim));
    return success();
  }));
  std::vector<std::uint64_t> offsets;
  offsets.reserve(live.size());
  for (const auto& [key, offset] : live) {
    offsets.push_back(offset);
  }
  return offsets;
}

}  // namespace cyr::db::twoskip

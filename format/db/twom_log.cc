// The linear view of a twom file: what was written when, without following a pointer of the list. Unlike
// twoskip's, a DELETE names its victim, so that nothing has to be guessed.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "format/db/twom_view.h"

namespace cyr::db::twom {

namespace {

class LogReader {
 public:
  LogReader(Bytes file, const Header& header, const KeyOrder& order)
      : file_(file),
        header_(header),
        heads_(heads_in(header)),
        latest_([order](std::string_view a, std::string_view b) { return order.less(a, b); }),
        order_(order) {}

  Result<LogFacts> run() {
    const Checksum kind = header_.checksum();
    std::uint64_t offset = first_record;
    std::uint64_t transaction = first_record;  // where the present one began
    while (offset < header_.current_size) {
      CYR_TRY(const Record record, decode_record(file_, offset, header_.current_size, kind, heads_));
      CYR_CHECK(check_tail(record, kind));
      CYR_CHECK(take(record, transaction));
      offset = record.end();
      if (record.type == RecordType::commit) {
        ++facts_.commits;
        transaction = offset;
      }
    }
    if (transaction != offset) {
      return corrupt("the last transaction has no COMMIT", transaction);
    }
    for (const auto& [key, state] : latest_) {
      if (state.deleted_by == 0 && !facts_.sorted) {
        facts_.live.push_back(state.offset);
      }
    }
    return std::move(facts_);
  }

 private:
  struct State {  // of a key
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint64_t deleted_by = 0;
  };

  Status take(const Record& record, std::uint64_t transaction) {
    switch (record.type) {
      case RecordType::add:
      case RecordType::fat_add:
      case RecordType::replace:
      case RecordType::fat_replace:
        return add(record);
      case RecordType::erased:
        return erase(record);
      case RecordType::commit:
        return record.slot(0) == transaction
                   ? success()
                   : Status(corrupt(fmt::format("COMMIT of a transaction at {}, which began at {}",
                                                record.slot(0), transaction),
                                    record.offset));
      case RecordType::dummy:
        break;
    }
    return corrupt("a second DUMMY", record.offset);
  }

  Status add(const Record& record) {
    ++facts_.records;
    const bool ascending = facts_.records == 1 || order_.less(previous_, record.key);
    previous_ = record.key;
    if (facts_.sorted && ascending && record.ancestor == 0) {
      return success();
    }
    CYR_CHECK(spread(record.offset));
    auto found = latest_.find(record.key);
    const std::uint64_t expected =
        found == latest_.end() ? 0 : std::max(found->second.offset, found->second.deleted_by);
    if (record.ancestor != expected) {
      return corrupt(fmt::format("ancestor is {}, expected {}", record.ancestor, expected), record.offset);
    }
    if (found != latest_.end()) {
      facts_.dirty_size += found->second.deleted_by == 0 ? found->second.size : 0;
      latest_.erase(found);  // the key's bytes are the new record's from now on
    }
    latest_.emplace(record.key, State{record.offset, record.bytes.size(), 0});
    return success();
  }

  Status erase(const Record& record) {
    CYR_CHECK(spread(record.offset));
    CYR_TRY(const Record victim,
            decode_record(file_, record.ancestor, record.offset, header_.checksum(), heads_));
    const auto found = latest_.find(victim.key);
    if (found == latest_.end() || found->second.offset != victim.offset || found->second.deleted_by != 0) {
      return corrupt("DELETE of a record that is not live", record.offset);
    }
    found->second.deleted_by = record.offset;
    facts_.dirty_size += found->second.size + record.bytes.size();
    return success();
  }

  // Up to `until` the file is sorted; what is there goes into the map only now, so that a file that is sorted
  // to its end needs none.
  Status spread(std::uint64_t until) {
    if (!facts_.sorted) {
      return success();
    }
    facts_.sorted = false;
    for (std::uint64_t offset = first_record; offset < until;) {
      CYR_TRY(const Record record, decode_record(file_, offset, until, header_.checksum(), heads_));
      if (has_content(record.type)) {
        latest_.emplace(record.key, State{record.offset, record.bytes.size(), 0});
      }
      offset = record.end();
    }
    return success();
  }

  Bytes file_;
  const Header& header_;
  HeadCheck heads_;
  std::map<std::string_view, State, std::function<bool(std::string_view, std::string_view)>> latest_;
  KeyOrder order_;
  LogFacts facts_;
  std::string_view previous_;
};

}  // namespace

Result<LogFacts> read_log(Bytes file, const Header& header, const KeyOrder& order) {
  return LogReader(file, header, order).run();
}

}  // namespace cyr::db::twom

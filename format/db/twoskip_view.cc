#include "format/db/twoskip_view.h"

#include <fmt/format.h>

namespace cyr::db::twoskip {

Result<Record> TwoskipView::head() const {
  CYR_TRY(const Record dummy, record_at(dummy_offset));
  if (dummy.type != RecordType::dummy) {
    return corrupt("the first record is not the DUMMY", dummy_offset);
  }
  return dummy;
}

Result<std::optional<Record>> TwoskipView::next(const Record& at, unsigned level_index) const {
  std::uint64_t offset = pointer(at, level_index);
  if (offset == 0) {
    return std::optional<Record>();
  }
  CYR_TRY(Record record, record_at(offset));
  if (record.type == RecordType::erased && level_index == 0) {
    offset = record.slot(0);
    if (offset == 0) {
      return std::optional<Record>();
    }
    CYR_TRY(record, record_at(offset));
  }
  if (record.type != RecordType::record || record.level <= level_index) {
    return corrupt(
        fmt::format("level {} of the record at {} leads to a wrong record", level_index, at.offset), offset);
  }
  return std::optional(record);
}

Status TwoskipView::check_header() const {
  if (header_.is_dirty()) {
    return corrupt("a writer died here: the file is marked dirty", 56)
        .with_hint("the last committed state is intact; the next write or repack clears this");
  }
  if (file_.size() != header_.current_size) {
    return corrupt(fmt::format("file has {} bytes, current_size says {}", file_.size(), header_.current_size),
                   48);
  }
  if (header_.repack_size > header_.current_size || header_.repack_size < first_record) {
    return corrupt(fmt::format("repack_size {} is impossible", header_.repack_size), 40);
  }
  return success();
}

Status TwoskipView::check() const {
  CYR_CHECK(check_header());
  OrderSet orders;
  CYR_TRY(const std::uint64_t count, check_chains(orders));
  if (count != header_.num_records) {
    return corrupt(fmt::format("{} records, num_records says {}", count, header_.num_records), 32);
  }
  const KeyOrder order(orders.pick(Order::raw));
  CYR_TRY(const LogFacts log, check_log(file_, limit_, order));
  if (log.sorted) {
    // Every record of the file is live and in the order of the file; the list has as many, ascending: the
    // same ones.
    return log.records == count ? success()
                                : Status(corrupt(fmt::format("{} records in the file, {} of them in the list",
                                                             log.records, count)));
  }
  CYR_TRY(const auto live, replay_log(file_, limit_, order));
  return check_same(live);
}

}  // namespace cyr::db::twoskip

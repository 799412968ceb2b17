#include "format/db/twom_view.h"

#include <fmt/format.h>

namespace cyr::db::twom {

Result<Record> TwomView::head() const {
  CYR_TRY(const Record dummy, record_at(dummy_offset));
  if (dummy.type != RecordType::dummy) {
    return corrupt("the first record is not the DUMMY", dummy_offset);
  }
  return dummy;
}

Result<Record> TwomView::target(std::uint64_t offset) const {
  CYR_TRY(Record record, record_at(offset));
  if (record.type == RecordType::erased) {
    CYR_TRY(record, record_at(record.ancestor));
    record.deleted_by = offset;
  }
  if (!has_content(record.type)) {
    return corrupt("the list leads to a wrong record", record.offset);
  }
  return record;
}

Result<std::optional<Record>> TwomView::next(const Record& at, unsigned level_index) const {
  const std::uint64_t offset = pointer(at, level_index);
  if (offset == 0) {
    return std::optional<Record>();
  }
  CYR_TRY(const Record record, level_index == 0 ? target(offset) : record_at(offset));
  if (!has_content(record.type) || record.level <= level_index) {
    return corrupt(
        fmt::format("level {} of the record at {} leads to a wrong record", level_index, at.offset), offset);
  }
  return std::optional(record);
}

Status TwomView::check_header() const {
  if (header_.is_dirty()) {
    return corrupt("a writer died here: the file is marked dirty", 36)
        .with_hint("the last committed state is intact; the next write or repack clears this");
  }
  if (file_.size() < header_.current_size) {
    return corrupt(fmt::format("file has {} bytes, current_size says {}", file_.size(), header_.current_size),
                   80);
  }
  if (header_.repack_size > header_.current_size || header_.repack_size < first_record) {
    return corrupt(fmt::format("repack_size {} is impossible", header_.repack_size), 72);
  }
  return success();
}

Status TwomView::check() const {
  CYR_CHECK(check_header());
  OrderSet orders;
  CYR_TRY(const std::uint64_t count, check_chains(orders));
  if (count != header_.num_records) {
    return corrupt(fmt::format("{} records, num_records says {}", count, header_.num_records), 48);
  }
  CYR_TRY(const LogFacts log, read_log(file_, header_, KeyOrder(orders.pick(Order::raw))));
  if (log.commits != header_.num_commits) {
    return corrupt(fmt::format("{} COMMITs, num_commits says {}", log.commits, header_.num_commits), 56);
  }
  if (log.dirty_size != header_.dirty_size) {
    return corrupt(fmt::format("dirty_size is {}, expected {}", header_.dirty_size, log.dirty_size), 64);
  }
  if (log.sorted) {
    return log.records == count ? success()
                                : Status(corrupt(fmt::format("{} records in the file, {} of them in the list",
                                                             log.records, count)));
  }
  return check_same(log.live);
}

}  // namespace cyr::db::twom

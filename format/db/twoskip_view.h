// Reading one state of a twoskip file. `limit` is the end of what counts: the header's current_size for a
// reader, which gives the last committed state also when a writer died; the growing end inside one's own
// transaction.
#pragma once

#include <optional>
#include <vector>

#include "format/db/linked_editor.h"
#include "format/db/twoskip_format.h"

namespace cyr::db::twoskip {

class TwoskipView final : public LinkedView<TwoskipView, Record, Header, max_level> {
 public:
  using LinkedView::LinkedView;

  [[nodiscard]] Status check() const override;

  [[nodiscard]] Result<Record> head() const;
  [[nodiscard]] Result<Record> record_at(std::uint64_t offset) const {
    return decode_record(file_, offset, limit_);
  }
  // A DELETE on level 0 is followed.
  [[nodiscard]] Result<std::optional<Record>> next(const Record& at, unsigned level_index) const;
  [[nodiscard]] static Status check_content(const Record& record) { return check_tail(record); }

 private:
  [[nodiscard]] Status check_header() const;
};

using Place = TwoskipView::Place;

// What the log says, apart from all pointers between records.
struct LogFacts {
  std::uint64_t records = 0;
  bool sorted = true;  // no DELETE, and every RECORD's key above the one before: file order is key order
};

// Reads [first_record, limit) record by record: blanks, CRCs, COMMITs that name the start of their
// transaction.
[[nodiscard]] Result<LogFacts> check_log(Bytes file, std::uint64_t limit, const KeyOrder& order);

// Replays the log by the exact rule (format/doc/twoskip.md "replay"): offsets of the live records in key
// order.
[[nodiscard]] Result<std::vector<std::uint64_t>> replay_log(Bytes file, std::uint64_t limit,
                                                            const KeyOrder& order);

}  // namespace cyr::db::twoskip

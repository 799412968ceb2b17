// Reading one state of a twoskip file. `limit` is the end of what counts: the header's current_size for a
// reader, which gives the last committed state also when a writer died; the growing end inside one's own
// transaction.
#pragma once

#include <optional>
#include <vector>

#include "format/db/double_links.h"
#include "format/db/skip_list.h"
#include "format/db/twoskip_format.h"

namespace cyr::db::twoskip {

class TwoskipView final : public SkipListView<TwoskipView, Record, max_level> {
 public:
  TwoskipView(Bytes file, const Header& header, std::uint64_t limit)
      : file_(file), header_(header), limit_(limit) {}

  [[nodiscard]] Status check() const override;

  [[nodiscard]] Result<Record> head() const;
  [[nodiscard]] Result<Record> record_at(std::uint64_t offset) const {
    return decode_record(file_, offset, limit_);
  }
  // A writer that died may have left pointers to what it did not commit. On level 0 the other pointer holds;
  // on higher levels what comes before is still in the list, so the search just goes on one level below.
  [[nodiscard]] std::uint64_t pointer(const Record& at, unsigned level_index) const {
    const std::uint64_t offset = at.next(level_index, limit_);
    return level_index > 0 && offset >= limit_ ? 0 : offset;
  }
  // A DELETE on level 0 is followed.
  [[nodiscard]] Result<std::optional<Record>> next(const Record& at, unsigned level_index) const;
  [[nodiscard]] static Status check_content(const Record& record) { return check_tail(record); }
  [[nodiscard]] Status check_pointers(const Record& record) const {
    return check_committed_links(record, limit_);
  }

 private:
  [[nodiscard]] Status check_header() const;

  Bytes file_;
  Header header_;
  std::uint64_t limit_;
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

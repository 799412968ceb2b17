// Reading one state of a twom file. `limit` is the end of what counts: the header's current_size for a
// reader, the growing end inside one's own transaction. Deleted records stay in the list, behind their
// DELETE; they are passed through, not shown.
#pragma once

#include <optional>
#include <vector>

#include "format/db/linked_editor.h"
#include "format/db/twom_format.h"

namespace cyr::db::twom {

class TwomView final : public LinkedView<TwomView, Record, Header, max_level> {
 public:
  using LinkedView::LinkedView;

  [[nodiscard]] Status check() const override;

  [[nodiscard]] Result<Record> head() const;
  [[nodiscard]] Result<Record> record_at(std::uint64_t offset) const {
    return decode_record(file_, offset, limit_, header_.checksum());
  }
  // What level 0 means by `offset`: the record there, or behind the DELETE there.
  [[nodiscard]] Result<Record> target(std::uint64_t offset) const;
  [[nodiscard]] Result<std::optional<Record>> next(const Record& at, unsigned level_index) const;
  [[nodiscard]] Status check_content(const Record& record) const {
    return check_tail(record, header_.checksum());
  }
  [[nodiscard]] static bool live(const Record& record) { return record.deleted_by == 0; }

 private:
  [[nodiscard]] Status check_header() const;
};

using Place = TwomView::Place;

// What the log says, apart from all pointers between records.
struct LogFacts {
  std::uint64_t records = 0;  // ADD and REPLACE, dead ones too
  std::uint64_t commits = 0;
  std::uint64_t dirty_size = 0;     // as the header should have it
  bool sorted = true;               // only ADDs, in ascending order: file order is key order
  std::vector<std::uint64_t> live;  // offsets, in key order; empty when `sorted`
};

// What to expect of heads: torn ones only where a writer died.
[[nodiscard]] inline HeadCheck heads_in(const Header& header) {
  return header.is_dirty() ? HeadCheck::may_be_torn : HeadCheck::whole;
}

// Reads the committed part of the file record by record: checksums, ancestors that are the latest of their
// key, COMMITs that name the start of their transaction. An error if anything is damaged.
[[nodiscard]] Result<LogFacts> read_log(Bytes file, const Header& header, const KeyOrder& order);

}  // namespace cyr::db::twom

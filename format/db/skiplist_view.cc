#include "format/db/skiplist_view.h"

#include <fmt/format.h>

namespace cyr::db::skiplist {

Result<Node> SkiplistView::head() const {
  CYR_TRY(const Node dummy, record_at(dummy_offset));
  if (dummy.type != RecordType::dummy) {
    return corrupt("the first record is not the DUMMY", dummy_offset);
  }
  return dummy;
}

Result<std::optional<Node>> SkiplistView::next(const Node& at, unsigned level_index) const {
  const std::uint64_t offset = at.next(level_index);
  if (offset == 0) {
    return std::optional<Node>();
  }
  CYR_TRY(const Node node, record_at(offset));
  if (node.type == RecordType::dummy || node.level <= level_index) {
    return corrupt(
        fmt::format("level {} of the record at {} leads to a wrong record", level_index, at.offset), offset);
  }
  return std::optional(node);
}

Status SkiplistView::check() const {
  OrderSet orders;
  CYR_TRY(const std::uint64_t count, check_chains(orders));
  (void)count;  // the header's listsize is not maintained
  const KeyOrder order(orders.pick(Order::signed_char));
  CYR_TRY(const Replayed log, replay_log(file_, header_, order));
  if (log.end != file_.size()) {
    return corrupt("bytes after the last COMMIT", log.end);
  }
  return check_same(log.live);
}

}  // namespace cyr::db::skiplist
